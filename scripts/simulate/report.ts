// The report that a simulated device would give: what it was told runs, is about to, or was rolled back.
import { type AppSpec, type DesiredState, revisionOf, specHash } from "#shared/desired.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { AppReport, ReportedState, RevisionReport } from "#shared/reported.ts";

export interface Simulated {
  device: DeviceId;
  bootId: string;
  epoch: string;
  labels: Labels;
  heartbeatMs: number;
  model: string;
}

/** A release whose value of this name is the device's model fails there. */
const failing = "SIMULATE_FAILURE_ON";

export function fails(app: AppSpec, model: string): boolean {
  return app.values[failing] === model;
}

export function reportOf(
  simulated: Simulated,
  desired: DesiredState,
  options: { done: boolean; at: number; before: ReportedState | undefined },
): ReportedState {
  const { model, ...device } = simulated;
  const beforeOf = ({ name }: AppSpec): AppReport | undefined =>
    options.before?.apps.find((one) => one.name === name);
  return {
    ...device,
    at: options.at,
    observedGeneration: desired.generation,
    specHash: specHash(desired),
    mode: desired.mode,
    host: {
      hostname: simulated.device,
      os: "linux",
      arch: "arm64",
      kernel: "6.12.0-simulated",
      model,
      agentVersion: "0.0.0-simulated",
      runtimes: ["process"],
    },
    apps: desired.apps.map((app) => {
      if (!options.done) return underWay(app, beforeOf(app));
      return fails(app, model) ? rolledBack(app, beforeOf(app), options.at) : running(app);
    }),
    conditions: [],
  };
}

function revisionOfApp(app: AppSpec): RevisionReport {
  const { digest, role, commit, branch } = app.release;
  return { revision: revisionOf(app), digest, role, commit, branch };
}

function running(app: AppSpec): AppReport {
  const current = revisionOfApp(app);
  const common = { name: app.name, quarantined: [], services: [] };
  return { ...common, sync: "Synced", health: "Healthy", current };
}

/** What serves goes on serving; a device that runs it already has nothing to do. */
function underWay(app: AppSpec, before: AppReport | undefined): AppReport {
  const target = revisionOfApp(app);
  if (before?.current?.revision === target.revision) return { ...before, name: app.name };
  const serving = before?.current === undefined ? {} : { current: before.current };
  return {
    ...{ name: app.name, quarantined: before?.quarantined ?? [], services: [] },
    ...{ sync: "OutOfSync", health: serving.current === undefined ? "Progressing" : "Healthy" },
    ...serving,
    ...{ target, step: "pull" },
  };
}

function rolledBack(app: AppSpec, before: AppReport | undefined, at: number): AppReport {
  const { step: _, ...report } = underWay(app, before);
  const failure = { code: "unhealthy", message: "the release does not run on this model", at };
  return { ...report, failure, quarantined: [...report.quarantined, revisionOf(app)] };
}
