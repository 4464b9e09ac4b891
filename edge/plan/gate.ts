// The health gate: whether a started release has proved itself, still may, or has failed.
import type { ObservedInstance, ResolvedApp, ResolvedService } from "#edge/runtime/port.ts";
import type { ErrorCode } from "#shared/errors.ts";
import type { ProbeRound } from "./input.ts";

/** Restarts of a new instance after which waiting longer is pointless. */
const crashLoopRestarts = 3;

export type Verdict =
  | { is: "fine" }
  | { is: "waiting"; reason: string }
  | { is: "failed"; code: ErrorCode; message: string };

export interface GateInput {
  wanted: ResolvedApp;
  instances: readonly ObservedInstance[];
  /** Copies that served before (`copyKey`): they are not on trial. */
  unchanged: ReadonlySet<string>;
  /** The last round since the release started, if there was one. */
  probes: ProbeRound | undefined;
  hasProbes: boolean;
}

/** The first thing that speaks against the release, worst first. Pure. */
export function judge(input: GateInput): Verdict {
  const verdicts = [...instanceVerdicts(input), probeVerdict(input)];
  return (
    verdicts.find(({ is }) => is === "failed") ??
    verdicts.find(({ is }) => is === "waiting") ?? { is: "fine" }
  );
}

/** Names a copy by what it runs and its number. */
export function copyKey(configHash: string, index: number): string {
  return `${configHash}/${index}`;
}

function instanceVerdicts({ wanted, instances, unchanged }: GateInput): Verdict[] {
  return Object.values(wanted.services).flatMap((service) => {
    const { spec, configHash } = service;
    const copies = Array.from({ length: spec.replicas }, (_, at) => at + 1);
    return copies
      .filter((index) => !unchanged.has(copyKey(configHash, index)))
      .map((index) => {
        const found = instances.find((one) => one.index === index && isOf(service, one));
        return instanceVerdict(`${spec.name}-${index}`, found, mayEnd(wanted, service));
      });
  });
}

/** Not the copy of the release before at the same place: how that one ended is why people update. */
function isOf({ spec, configHash, runtime }: ResolvedService, one: ObservedInstance): boolean {
  return one.service === spec.name && one.configHash === configHash && one.runtime === runtime;
}

/** Whether success of this service may mean that it ends: it restarts only on failure, or another one
 *  waits for its completion. */
export function mayEnd(wanted: ResolvedApp, service: ResolvedService): boolean {
  if (service.spec.restart.name === "on-failure") return true;
  return Object.values(wanted.services).some(
    ({ spec }) => spec.dependsOn[service.spec.name]?.condition === "service_completed_successfully",
  );
}

function instanceVerdict(
  name: string,
  instance: ObservedInstance | undefined,
  ends: boolean,
): Verdict {
  if (instance === undefined) return { is: "waiting", reason: `${name} is not there yet` };
  if (instance.restarts >= crashLoopRestarts) {
    const message = `${name} crashed ${instance.restarts} times${exitWords(instance, ", last")}`;
    return { is: "failed", code: "crash_loop", message };
  }
  switch (instance.state) {
    case "running":
      return healthVerdict(name, instance);
    case "exited":
      if (instance.exitCode === 0 && ends) return { is: "fine" };
      return { is: "failed", code: "start_failed", message: `${name} ended${exitWords(instance)}` };
    case "dead":
      return { is: "failed", code: "start_failed", message: `${name} is dead` };
    default:
      return { is: "waiting", reason: `${name} is ${instance.state}${exitWords(instance)}` };
  }
}

function exitWords({ exitCode }: ObservedInstance, lead = ""): string {
  return exitCode === undefined ? "" : `${lead} with exit code ${exitCode}`;
}

function healthVerdict(name: string, instance: ObservedInstance): Verdict {
  if (instance.health === "healthy" || instance.health === "none") return { is: "fine" };
  const words =
    instance.health === "starting" ? "has not passed its healthcheck yet" : "is unhealthy";
  return { is: "waiting", reason: `${name} ${words}` };
}

function probeVerdict({ probes, hasProbes }: GateInput): Verdict {
  if (!hasProbes) return { is: "fine" };
  if (probes === undefined) return { is: "waiting", reason: "the role's probes have not run yet" };
  const failing = probes.results.find(({ ok }) => !ok);
  return failing === undefined ? { is: "fine" } : { is: "waiting", reason: failing.detail };
}
