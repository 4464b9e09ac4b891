// Every verb with its one line of help; what it needs is loaded when it is called.
import type { VerbEntry } from "./cli.ts";

const look = "Look:";
const act = "Act:";
const connect = "Connect:";
const help = "Help:";

export const verbs: Record<string, VerbEntry> = {
  get: {
    ...{
      group: look,
      summary: "List devices, apps, sites, deployments, releases, events, updates",
    },
    load: async () => (await import("./verbs/get.ts")).getVerb,
  },
  describe: {
    ...{ group: look, summary: "Show all about one device on one page" },
    load: async () => (await import("./verbs/describe.ts")).describeVerb,
  },
  diff: {
    ...{ group: look, summary: "Compare what a device has with what it should have" },
    load: async () => (await import("./verbs/diff.ts")).diffVerb,
  },
  tree: {
    ...{ group: look, summary: "Show the fleet as a tree of sites, devices, apps and services" },
    load: async () => (await import("./verbs/tree.ts")).treeVerb,
  },
  history: {
    ...{ group: look, summary: "Show the updates of a device or the releases of a deployment" },
    load: async () => (await import("./verbs/history.ts")).historyVerb,
  },
  releases: {
    ...{ group: look, summary: "List releases, newest first" },
    load: async () => (await import("./verbs/releases.ts")).releasesVerb,
  },
  events: {
    ...{ group: look, summary: "Show what happened, or follow it" },
    load: async () => (await import("./verbs/events.ts")).eventsVerb,
  },
  logs: {
    ...{ group: look, summary: "Show what services, the agent or a run say, or follow it" },
    load: async () => (await import("./verbs/logs.ts")).logsVerb,
  },
  watch: {
    ...{ group: look, summary: "Show changes of devices, events and branches as they happen" },
    load: async () => (await import("./verbs/watch.ts")).watchVerb,
  },
  wait: {
    ...{ group: look, summary: "Wait until devices are in a state" },
    load: async () => (await import("./verbs/wait.ts")).waitVerb,
  },
  pins: {
    ...{ group: look, summary: "List what is pinned to a release, by whom and why" },
    load: async () => (await import("./verbs/pins.ts")).pinsVerb,
  },
  plans: {
    ...{ group: look, summary: "List plans, or show what one does" },
    load: async () => (await import("./verbs/plans.ts")).plansVerb,
  },
  runs: {
    ...{ group: look, summary: "List runs of plans, or show one with its steps" },
    load: async () => (await import("./verbs/runs.ts")).runsVerb,
  },
  phases: {
    ...{ group: look, summary: "List devices with the phase of their life" },
    load: async () => (await import("./verbs/phases.ts")).phasesVerb,
  },
  sync: {
    ...{ group: act, summary: "Make the hub fetch, and devices look and report, now" },
    load: async () => (await import("./verbs/sync.ts")).syncVerb,
  },
  rollout: {
    ...{ group: act, summary: "See and steer how releases move through the fleet" },
    load: async () => (await import("./verbs/rollout.ts")).rolloutVerb,
  },
  hold: {
    ...{ group: act, summary: "Let devices begin nothing new" },
    load: async () => (await import("./verbs/orders.ts")).holdVerb,
  },
  unhold: {
    ...{ group: act, summary: "Let held devices follow the repository again" },
    load: async () => (await import("./verbs/orders.ts")).unholdVerb,
  },
  retry: {
    ...{ group: act, summary: "Let devices try again what failed on them" },
    load: async () => (await import("./verbs/orders.ts")).retryVerb,
  },
  "safe-mode": {
    ...{ group: act, summary: "Send devices into safe mode, or let them leave it" },
    load: async () => (await import("./verbs/orders.ts")).safeModeVerb,
  },
  pin: {
    ...{ group: act, summary: "Keep devices at a release, whatever Git says meanwhile" },
    load: async () => (await import("./verbs/pin.ts")).pinVerb,
  },
  unpin: {
    ...{ group: act, summary: "Let pinned devices follow their deployment again" },
    load: async () => (await import("./verbs/unpin.ts")).unpinVerb,
  },
  label: {
    ...{ group: act, summary: "Label devices, over what their files say" },
    load: async () => (await import("./verbs/label.ts")).labelVerb,
  },
  set: {
    ...{ group: act, summary: "Set values of devices, over what their files say" },
    load: async () => (await import("./verbs/label.ts")).setVerb,
  },
  resume: {
    ...{ group: act, summary: "Let the fleet follow again after the hub was restored or lost" },
    load: async () => (await import("./verbs/resume.ts")).resumeVerb,
  },
  backup: {
    ...{ group: act, summary: "Write a checked backup of the hub into one file" },
    load: async () => (await import("./verbs/backup.ts")).backupVerb,
  },
  restore: {
    ...{ group: act, summary: "Begin a hub from a backup, in an empty data directory" },
    load: async () => (await import("./verbs/restore.ts")).restoreVerb,
  },
  run: {
    ...{ group: act, summary: "Run a plan on devices" },
    load: async () => (await import("./verbs/run.ts")).runVerb,
  },
  cancel: {
    ...{ group: act, summary: "Cancel a run at once" },
    load: async () => (await import("./verbs/cancel.ts")).cancelVerb,
  },
  reboot: {
    ...{ group: act, summary: "Restart devices and wait until all is well again" },
    load: async () => (await import("./verbs/reboot.ts")).rebootVerb,
  },
  repave: {
    ...{ group: act, summary: "Make devices anew" },
    load: async () => (await import("./verbs/repave.ts")).repaveVerb,
  },
  rma: {
    ...{ group: act, summary: "Take devices out until their hardware is replaced" },
    load: async () => (await import("./verbs/rma.ts")).rmaVerb,
  },
  phase: {
    ...{ group: act, summary: "Take devices out of service by hand, or let them return" },
    load: async () => (await import("./verbs/phases.ts")).phaseVerb,
  },
  import: {
    ...{ group: act, summary: "Make devices known from an inventory file" },
    load: async () => (await import("./verbs/import.ts")).importVerb,
  },
  enroll: {
    ...{ group: act, summary: "Make a single-use token, or a whole agent.yaml, for a new device" },
    load: async () => (await import("./verbs/enroll.ts")).enrollVerb,
  },
  login: {
    ...{ group: connect, summary: "Sign in to a hub and keep its token" },
    load: async () => (await import("./verbs/login.ts")).loginVerb,
  },
  contexts: {
    ...{ group: connect, summary: "List the hubs that are known here, choose or remove one" },
    load: async () => (await import("./verbs/contexts.ts")).contextsVerb,
  },
  open: {
    ...{ group: connect, summary: "Print a link that signs a browser in to the hub's page" },
    load: async () => (await import("./verbs/open.ts")).openVerb,
  },
  explain: {
    ...{ group: help, summary: "Explain the fields of what the hub answers" },
    load: async () => (await import("./verbs/explain.ts")).explainVerb,
  },
  completion: {
    ...{ group: help, summary: "Print the completion script for bash, zsh or fish" },
    load: async () => (await import("./verbs/completion.ts")).completionVerb,
  },
  version: {
    ...{ group: help, summary: "Print the version of this command, and of the hub" },
    load: async () => (await import("./verbs/version.ts")).versionVerb,
  },
  help: {
    ...{ group: help, summary: "Explain a verb, or: exit-codes, jsonpath, environment" },
    load: async () => (await import("./verbs/help.ts")).helpVerb,
  },
};
