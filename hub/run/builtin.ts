// The plans that every fleet has; a plan of the same name in the repository goes before.
import type { z } from "zod";
import { type Plan, PlanBody } from "./plan.ts";

const app = { APP: { description: "the app; all of them when it is empty", default: "" } };
const onlyApp = { app: "${APP}" };

const bodies: Record<string, z.input<typeof PlanBody>> = {
  "repave-join": {
    description:
      "Makes a device anew: everything goes, then it joins and installs what it should run",
    from: ["FACTORY_READY", "READY", "IN_SERVICE", "MAINTENANCE"],
    during: "PROVISIONING",
    // A new device may lie in its box for a month.
    startWithinMinutes: 43_200,
    steps: [
      { kind: "drain", timeoutSeconds: 300, retries: 1 },
      { kind: "wipe", retries: 2 },
      { kind: "enrol", retries: 3 },
      { kind: "installRelease", retries: 2 },
      { kind: "verify", retries: 1 },
    ],
  },
  rma: {
    description:
      "Takes a device out for good: it is emptied and its identity ends until the hardware is replaced",
    from: ["FACTORY_READY", "READY", "IN_SERVICE", "MAINTENANCE"],
    after: "RMA",
    startWithinMinutes: 10,
    silence: "accept",
    steps: [
      { kind: "drain", timeoutSeconds: 120 },
      { kind: "wipe", retries: 2 },
    ],
  },
  reboot: {
    description: "Lets the apps go, restarts the device and waits until all is well again",
    steps: [
      { kind: "drain" },
      { kind: "reboot" },
      { kind: "waitForDevice" },
      { kind: "verify", retries: 1 },
    ],
  },
  upgrade: {
    description: "Installs what is desired now, without waiting for a window",
    parameters: app,
    steps: [
      { kind: "installRelease", ...onlyApp, retries: 2 },
      { kind: "verify", ...onlyApp },
    ],
  },
  "net-reconfig": {
    description:
      "Changes a network interface; what was before comes back by itself if the hub is not reached",
    parameters: {
      INTERFACE: { description: "as the kernel names it, e.g. eth0" },
      METHOD: { description: "dhcp or static", default: "dhcp" },
      ADDRESS: { description: "with static, e.g. 10.0.0.7/24", default: "" },
      GATEWAY: { description: "the way out", default: "" },
      DNS: { description: "name servers with commas between them", default: "" },
    },
    steps: [
      {
        kind: "configureNetwork",
        interface: "${INTERFACE}",
        method: "${METHOD}",
        address: "${ADDRESS}",
        gateway: "${GATEWAY}",
        dns: "${DNS}",
      },
      { kind: "waitForDevice" },
      { kind: "verify" },
    ],
  },
};

export const builtInPlans: readonly Plan[] = Object.entries(bodies).map(([name, body]) => ({
  name,
  commit: null,
  ...PlanBody.parse(body),
}));
