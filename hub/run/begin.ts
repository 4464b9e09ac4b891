// Makes a run of a request, or says why there can be none; pure.
import { canonicalHash } from "#shared/canonical.ts";
import type { DeviceId, Values } from "#shared/ids.ts";
import type { RequestId, RunId } from "#shared/run.ts";
import type { Run } from "./model.ts";
import type { Lifecycle } from "./phase.ts";
import type { Plan } from "./plan.ts";
import { resolveSteps } from "./resolve.ts";
import { requestReused, wrongPhase } from "./words.ts";

export interface RunRequest {
  device: DeviceId;
  plan: string;
  request: RequestId;
  parameters: Values;
  operator: string;
  reason: string;
}

/** Two requests that mean the same have the same. */
function fingerprintOf({ plan, parameters }: RunRequest): string {
  return canonicalHash({ plan, parameters });
}

/** The run that this request made before.
 *  @throws FleetError request_reused when it was made for something else */
export function sameRun(before: Run, given: RunRequest): Run {
  if (before.fingerprint === fingerprintOf(given)) return before;
  throw requestReused(before);
}

interface Circumstances {
  plan: Plan;
  life: Lifecycle;
  id: RunId;
  /** Unix ms. */
  now: number;
  /** How often the device looks what it is to do. */
  pollMs?: number;
}

/** @throws FleetError state_conflict, request_invalid */
export function newRun(given: RunRequest, circumstances: Circumstances): Run {
  const { plan, life, id, now, pollMs = 0 } = circumstances;
  const from: readonly string[] = plan.from;
  if (!from.includes(life.phase)) throw wrongPhase(life, plan.name, from);
  const { during, after, silence, startWithinMinutes: startWithinMs } = plan;
  return {
    id,
    device: given.device,
    request: given.request,
    fingerprint: fingerprintOf(given),
    plan: plan.name,
    parameters: given.parameters,
    steps: resolveSteps(plan, given.parameters),
    rules: { during, after, silence, startWithinMs, pollMs },
    operator: given.operator,
    reason: given.reason,
    orderedAt: now,
    head: {
      ...{ state: "Pending", step: null, startedAt: null, heardAt: null, endedAt: null },
      ...{ code: null, message: null, isStanding: true },
    },
    version: 1,
  };
}

const timeLength = 9;

/** Sorts by time; the rest keeps two hubs, or one that was lost, from giving out the same.
 *  @param chance in [0, 1) */
export function runIdOf(now: number, chance: () => number): RunId {
  const tail = Array.from({ length: 6 }, () => Math.floor(chance() * 36).toString(36));
  return `${now.toString(36).padStart(timeLength, "0")}${tail.join("")}` as RunId;
}

/** Unix ms by which the id sorts. */
export function idTime(id: RunId): number {
  return Number.parseInt(id.slice(0, timeLength), 36);
}
