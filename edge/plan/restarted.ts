// Which copies their restart policy has started again since that was last told, at a pace that bores nobody. Pure.
import type { ObservedInstance } from "#edge/runtime/port.ts";
import { type Repair, repaired } from "./damping.ts";

/** How far the copy's restarts were told. Ms since boot. */
export interface Told {
  restarts: number;
  /** The count at the last look, and when it changed. */
  seen?: number;
  changedMs?: number;
  pace?: Repair;
}

const peaceMs = 3_600_000;

/** What of the copy's restarts is to be told now, and what is told then. A count that falls is that of another
 *  copy at this place, or somebody has started this one by hand. Pure.
 *  @returns `times` 0: nothing is */
export function restartNews(
  { restarts: seen }: Pick<ObservedInstance, "restarts">,
  before: Told | undefined,
  nowMs: number,
): { told: Told; times: number } {
  const last = before ?? { restarts: 0 };
  const known = seen < (last.seen ?? last.restarts) ? 0 : last.restarts;
  const hasChanged = seen !== (last.seen ?? last.restarts);
  const isPeace = nowMs - (last.changedMs ?? Number.NEGATIVE_INFINITY) >= peaceMs;
  const pace = isPeace ? undefined : last.pace;
  const changed = hasChanged ? { changedMs: nowMs } : changedOf(last);
  const now: Told = { restarts: known, seen, ...changed, ...(pace && { pace }) };
  if (seen === known || (pace !== undefined && nowMs < pace.notBeforeMs)) {
    return { times: 0, told: now };
  }
  return { times: seen - known, told: { ...now, restarts: seen, pace: repaired(pace, nowMs) } };
}

function changedOf({ changedMs }: Told): Pick<Told, "changedMs"> {
  return changedMs === undefined ? {} : { changedMs };
}
