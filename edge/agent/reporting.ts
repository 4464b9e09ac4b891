// Puts the reported state together and tells the hub when it differs from the last one.
import type { AppInput } from "#edge/plan/input.ts";
import { appReport } from "#edge/plan/report.ts";
import { safeStackName } from "#edge/plan/resting.ts";
import type { Step } from "#edge/plan/step.ts";
import { type DeviceFacts, whyDevice, whyNot } from "#edge/plan/why.ts";
import type { Runner } from "#edge/run/runner.ts";
import { withTelemetry } from "#edge/telemetry/attach.ts";
import { canonicalHash } from "#shared/canonical.ts";
import { specHash } from "#shared/desired.ts";
import type { AppName } from "#shared/ids.ts";
import type {
  AppReport,
  Cause,
  HostReport,
  ReportedState,
  RevisionReport,
  SafeModeReport,
} from "#shared/reported.ts";
import {
  type Condition,
  type ConditionType,
  transition,
  worstHealth,
  worstSync,
} from "#shared/status.ts";
import type { Gatherer, Observation } from "./gather.ts";
import type { AppMemory, Memory } from "./memory.ts";
import type { AgentParts } from "./parts.ts";
import type { Repairs } from "./repairs.ts";
import type { Safety } from "./safety.ts";

type Steps = ReadonlyMap<AppName, readonly Step[]>;
type Finding = Omit<Condition, "lastTransitionTime" | "type" | "observedGeneration">;

export interface Reporter {
  /** Builds the report of this round and hands it to sync when it changed. */
  report(observation: Observation, steps: Steps): Promise<ReportedState>;
  latest(): ReportedState | undefined;
  /** The next report goes to the hub whether or not it differs. */
  tellAgain(): void;
  /** Why the device as a whole is not converged. */
  why(): Cause[];
}

interface Parts {
  parts: AgentParts;
  memory: Memory;
  gatherer: Pick<Gatherer, "resolve">;
  repairs: Pick<Repairs, "of">;
  safety: Pick<Safety, "report">;
  runner: Pick<Runner, "report" | "why">;
}

export function createReporter(given: Parts): Reporter {
  const { parts, memory, gatherer, repairs, safety, runner } = given;
  const conditions = new Map<ConditionType, Condition>();
  let latest: ReportedState | undefined;
  let sentHash = "";
  let isAsked = false;

  const hostNow = async (): Promise<HostReport> => {
    const address = parts.metricsAddress();
    return {
      ...(await parts.describeHost()),
      runtimes: parts.runtimeNames,
      agentVersion: parts.agentVersion,
      ...(address === undefined ? {} : { metricsAddress: address }),
    };
  };

  const describeRevisions = async (
    input: AppInput,
    previous: string | undefined,
  ): Promise<Map<string, RevisionReport>> => {
    const known = new Map<string, RevisionReport>();
    if (input.target !== undefined) {
      known.set(input.target.revision, revisionReport(input.target));
    }
    for (const revision of [input.current, previous]) {
      if (revision === undefined || known.has(revision)) continue;
      const staged = await gatherer.resolve(input.app, revision as never).catch(() => undefined);
      if (staged !== undefined) known.set(revision, revisionReport(staged.staged));
    }
    return known;
  };

  const reportApp = async (
    input: AppInput,
    steps: readonly Step[],
    previous: string | undefined,
  ): Promise<AppReport> => {
    const known = memory.of(input.app);
    const { unreadable } = known;
    const own = repairs.of(input.app);
    const revisions = await describeRevisions(input, previous);
    const progress = progressOf(known, input);
    const report = appReport({
      input,
      steps,
      progress,
      describe: (revision) => (revision === undefined ? undefined : revisions.get(revision)),
      previous,
      healFailure: [...own.values()].find(({ failure }) => failure)?.failure ?? unreadable,
    });
    const blindBy = known.blindBy?.sentence;
    const facts = { repairs: own, blindBy, unreadable, device: deviceFacts() };
    const why = whyNot({ input, steps, report, progress, ...facts });
    return why.length === 0 ? report : { ...report, why };
  };

  const deviceFacts = (): DeviceFacts => {
    const { connected, isolated, problem } = parts.sync.status();
    const link = { connected, isolated };
    return {
      hasDesired: parts.journal.desired() !== undefined,
      safeMode: safety.report(),
      link: problem === undefined ? link : { ...link, problem },
      run: runner.why(),
    };
  };

  const judgeConditions = (observation: Observation, apps: AppReport[]): Condition[] => {
    const now = parts.clock.now();
    const generation = observation.desired?.generation;
    const entered = safety.report();
    const found = {
      ...findings(parts, observation, apps),
      SafeMode: safeModeOf(observation, entered),
    };
    for (const [type, finding] of Object.entries(found)) {
      const observed = generation === undefined ? {} : { observedGeneration: generation };
      const name = type as ConditionType;
      const next = transition(conditions.get(name), { type: name, ...finding, ...observed }, now);
      conditions.set(name, next);
    }
    return [...conditions.values()];
  };

  return {
    latest: () => latest,
    tellAgain: () => {
      isAsked = true;
    },
    why: () => whyDevice(deviceFacts(), latest?.apps ?? []),
    report: async (observation, steps) => {
      const { desired, stored } = observation;
      const apps: AppReport[] = [];
      for (const input of observation.apps) {
        if (input.target === undefined && input.instances.length === 0) continue;
        if (input.resting === "dormant") continue;
        const previous = stored.find(({ app }) => app === input.app)?.previous;
        apps.push(await reportApp(input, steps.get(input.app) ?? [], previous));
      }
      await parts.telemetry?.observe(apps);
      const { labels, heartbeatMs } = parts.settings();
      const entered = safety.report();
      const run = runner.report();
      const reported: ReportedState = {
        device: parts.device,
        bootId: parts.journal.bootId,
        epoch: parts.journal.epoch,
        at: parts.clock.now(),
        monotonicMs: parts.clock.monotonicMs(),
        observedGeneration: desired?.generation ?? 0,
        specHash: desired === undefined ? "" : specHash(desired),
        mode: entered === undefined ? (desired?.mode ?? "run") : "safe",
        labels,
        heartbeatMs,
        host: await hostNow(),
        apps,
        conditions: judgeConditions(observation, apps),
        ...(entered === undefined ? {} : { safeMode: entered }),
        ...(run === undefined ? {} : { run }),
      };
      latest = withTelemetry(reported, parts.telemetry);
      const hash = canonicalHash(withoutTicking(latest));
      if (hash !== sentHash || isAsked) parts.sync.report(latest);
      sentHash = hash;
      isAsked = false;
      return latest;
    },
  };
}

function progressOf({ progress }: AppMemory, { attempt }: AppInput): number | undefined {
  const isPresent = progress?.attempt === attempt?.id && progress?.stage === attempt?.stage;
  return isPresent ? progress?.share : undefined;
}

function revisionReport(of: {
  spec: { release: Omit<RevisionReport, "revision"> };
  revision: RevisionReport["revision"];
}): RevisionReport {
  const { digest, role, commit, branch } = of.spec.release;
  return { revision: of.revision, digest, role, commit, branch };
}

/** What holds now, each with a reason for programs and a sentence for people. */
function findings(
  parts: AgentParts,
  { desired, silent }: Observation,
  apps: readonly AppReport[],
): Record<Exclude<ConditionType, "SafeMode">, Finding> {
  const link = parts.sync.status();
  const sync = worstSync(apps.map((app) => app.sync));
  const health = worstHealth(apps.map((app) => app.health));
  const behind = apps.filter((app) => app.sync !== "Synced").map(({ name }) => name);
  const sick = apps.filter((app) => app.health !== "Healthy").map(({ name }) => name);
  return {
    AgentConnected: link.connected
      ? { status: "True", reason: link.via === "http" ? "Http" : "Mqtt", message: `by ${link.via}` }
      : { status: "False", reason: "NotConnected", message: link.problem ?? "no connection yet" },
    SpecObserved:
      desired === undefined
        ? { status: "False", reason: "NoDesiredState", message: "no desired state has arrived yet" }
        : { status: "True", reason: "Kept", message: `generation ${desired.generation}` },
    Synced:
      sync === "Synced"
        ? { status: "True", reason: "Synced", message: `${apps.length} apps as desired` }
        : { status: "False", reason: sync, message: `not as desired: ${behind.join(", ")}` },
    Healthy:
      health === "Healthy"
        ? { status: "True", reason: "Healthy", message: `${apps.length} apps healthy` }
        : { status: "False", reason: health, message: `not healthy: ${sick.join(", ")}` },
    RuntimeAvailable:
      silent.size === 0
        ? { status: "True", reason: "Answering", message: parts.runtimeNames.join(" and ") }
        : { status: "False", reason: "NotAnswering", message: silentWords(silent) },
    Isolated: link.isolated
      ? {
          status: "True",
          reason: "NoContact",
          message: "no hub for long; everything local goes on",
        }
      : { status: "False", reason: "InContact", message: "the hub was heard lately" },
  };
}

function silentWords(silent: Observation["silent"]): string {
  return [...silent.values()].map(({ sentence }) => sentence).join("; ");
}

/** Says as well whether the safe-mode stack is there if it is needed: it is in no list of apps while it
 *  sleeps. */
function safeModeOf({ apps }: Observation, entered: SafeModeReport | undefined): Finding {
  if (entered !== undefined) {
    const { cause, message } = entered;
    const reason = `${cause.slice(0, 1).toUpperCase()}${cause.slice(1)}`;
    return { status: "True", reason, message };
  }
  const stack = apps.find(({ app }) => app === safeStackName);
  const message = `the device follows its desired state${stackWords(stack)}`;
  return { status: "False", reason: "Normal", message };
}

function stackWords(stack: AppInput | undefined): string {
  if (stack?.target === undefined) return "";
  const failure = stack.quarantined.get(stack.target.revision);
  if (failure !== undefined) return `; its safe-mode stack cannot be had: ${failure.message}`;
  if (stack.current === undefined) return "; its safe-mode stack is being prepared";
  return "; its safe-mode stack is ready";
}

/** Seconds that pass are no news. */
function withoutTicking(reported: ReportedState): ReportedState {
  const apps = reported.apps.map(({ why, ...app }) => ({
    ...app,
    ...(why === undefined ? {} : { why: why.map(withoutNumbers) }),
  }));
  return { ...reported, at: 0, monotonicMs: 0, apps };
}

function withoutNumbers({ reason, message }: Cause): Cause {
  return { reason, message: message.replaceAll(/\d+/g, "0") };
}
