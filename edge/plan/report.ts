// What the device says of one app: sync, health, step and failure, from what the planner was told.
import type { ObservedInstance, ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import type { AppReport, InstanceReport, RevisionReport, ServiceReport } from "#shared/reported.ts";
import { type HealthStatus, type SyncStatus, worstHealth } from "#shared/status.ts";
import { preparing } from "./attempt.ts";
import { mayEnd } from "./gate.ts";
import type { AppInput } from "./input.ts";
import type { Step } from "./step.ts";

interface ReportInput {
  input: AppInput;
  steps: readonly Step[];
  /** Share of the present stage of the attempt, where it is known. */
  progress: number | undefined;
  /** Describes a revision by what the disk or the wish says of it. */
  describe(revision: string | undefined): RevisionReport | undefined;
  previous: string | undefined;
  /** Why the last repair failed, while it is waited out. */
  healFailure: AppReport["failure"];
}

/** The app as reported and as the local API shows it. Pure. */
export function appReport(given: ReportInput): AppReport {
  const { input, steps, progress } = given;
  const services = serviceReports(input);
  const target = input.target?.revision;
  const current = given.describe(input.current);
  const previous = given.describe(given.previous);
  const wanted = target === input.current ? undefined : given.describe(target);
  const failure = failureOf(given);
  const retryAt = input.attempt?.retryAt;
  const step = stepOf(input, steps);
  return {
    name: input.app,
    sync: syncOf(input, steps),
    health: healthOf(input, services),
    ...(current === undefined ? {} : { current }),
    ...(previous === undefined ? {} : { previous }),
    ...(wanted === undefined ? {} : { target: wanted }),
    ...(step === undefined ? {} : { step }),
    ...(progress === undefined ? {} : { progress }),
    ...(failure === undefined ? {} : { failure }),
    ...(retryAt === undefined ? {} : { retryAt }),
    quarantined: [...input.quarantined.keys()],
    services,
  };
}

function syncOf(input: AppInput, steps: readonly Step[]): SyncStatus {
  if (input.blind) return "Unknown";
  const { target, current, attempt } = input;
  if (target === undefined || attempt !== undefined || target.revision !== current)
    return "OutOfSync";
  if (input.resting === "suspended" || input.resting === "drained") return "OutOfSync";
  if (input.serving === undefined) return "OutOfSync";
  // A new name for what serves already is no difference.
  return steps.every(({ kind }) => kind === "relabel") ? "Synced" : "OutOfSync";
}

function healthOf(input: AppInput, services: readonly ServiceReport[]): HealthStatus {
  if (input.blind) return "Unknown";
  const { attempt, current, serving, probes, hasProbes, target } = input;
  if (input.resting === "suspended" || input.resting === "drained") return "Suspended";
  if (attempt !== undefined && !preparing.has(attempt.stage)) return "Progressing";
  if (current !== undefined && serving === undefined) return "Unknown";
  if (serving === undefined) {
    if (attempt !== undefined) return "Progressing";
    return target !== undefined && input.quarantined.has(target.revision) ? "Degraded" : "Missing";
  }
  const fails = hasProbes && probes?.results.some(({ ok }) => !ok);
  const early = input.settling ? "Progressing" : "Degraded";
  const probing = fails ? early : "Healthy";
  return worstHealth([probing, ...services.map(({ health }) => health)]);
}

function failureOf({ input, healFailure }: ReportInput): AppReport["failure"] {
  if (input.attempt?.failure !== undefined) return input.attempt.failure;
  const target = input.target?.revision;
  return (target === undefined ? undefined : input.quarantined.get(target)) ?? healFailure;
}

function stepOf(input: AppInput, steps: readonly Step[]): string | undefined {
  return input.attempt?.stage ?? steps[0]?.kind;
}

function serviceReports({ serving, instances }: AppInput): ServiceReport[] {
  if (serving === undefined) return [];
  const wanted = Object.values(serving.app.services).filter(({ spec }) => spec.replicas > 0);
  return wanted.map((service) => serviceReport(serving.app, service, instances));
}

function serviceReport(
  app: ResolvedApp,
  service: ResolvedService,
  instances: readonly ObservedInstance[],
): ServiceReport {
  const { name, replicas, image } = service.spec;
  const copies = instances.filter((one) => one.service === name);
  const ends = mayEnd(app, service);
  const ready = copies.filter((copy) => copyHealth(copy, ends) === "Healthy").length;
  const missing = Math.max(0, replicas - copies.length);
  const states: HealthStatus[] = copies.map((copy) => copyHealth(copy, ends));
  if (missing > 0) states.push("Missing");
  return {
    name,
    health: worstHealth(states),
    wanted: replicas,
    ready,
    // A process has none, whatever the Compose file names for the Engine.
    ...(image === undefined || service.runtime === "process" ? {} : { image }),
    configHash: service.configHash,
    runtime: service.runtime,
    instances: copies.map(instanceReport),
  };
}

function copyHealth(copy: ObservedInstance, ends: boolean): HealthStatus {
  switch (copy.state) {
    case "running":
      if (copy.health === "unhealthy") return "Degraded";
      return copy.health === "starting" ? "Progressing" : "Healthy";
    case "exited":
      return copy.exitCode === 0 && ends ? "Healthy" : "Degraded";
    case "created":
      return "Progressing";
    case "paused":
      return "Suspended";
    default:
      return "Degraded";
  }
}

function instanceReport(copy: ObservedInstance): InstanceReport {
  const { id, index, state, health, restarts, startedAt, exitCode } = copy;
  return {
    id,
    index,
    state,
    health,
    restarts,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}
