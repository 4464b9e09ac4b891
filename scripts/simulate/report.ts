// The report that a simulated device would give: everything it was told runs, or is about to.
import { type AppSpec, type DesiredState, revisionOf, specHash } from "#shared/desired.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { AppReport, ReportedState } from "#shared/reported.ts";

export interface Simulated {
  device: DeviceId;
  bootId: string;
  epoch: string;
  labels: Labels;
  heartbeatMs: number;
}

export function reportOf(
  simulated: Simulated,
  desired: DesiredState,
  options: { done: boolean; at: number },
): ReportedState {
  return {
    ...simulated,
    at: options.at,
    observedGeneration: desired.generation,
    specHash: specHash(desired),
    mode: desired.mode,
    host: {
      hostname: simulated.device,
      os: "linux",
      arch: "arm64",
      kernel: "6.12.0-simulated",
      model: "simulated device",
      agentVersion: "0.0.0-simulated",
      runtimes: ["process"],
    },
    apps: desired.apps.map((app) => appReport(app, options.done)),
    conditions: [],
  };
}

function appReport(app: AppSpec, done: boolean): AppReport {
  const { digest, role, commit, branch } = app.release;
  const revision = { revision: revisionOf(app), digest, role, commit, branch };
  const common = { name: app.name, quarantined: [], services: [] };
  return done
    ? { ...common, sync: "Synced", health: "Healthy", current: revision }
    : { ...common, sync: "OutOfSync", health: "Progressing", target: revision, step: "pull" };
}
