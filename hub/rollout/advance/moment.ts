// When a time that a rollout gives is over: times in which no device could be heard do not count; pure.
import { type Absence, deadlineAfter, returnMs } from "#hub/run/absence.ts";

export interface Moment {
  /** Unix ms. */
  now: number;
  /** Times in which there was no hub, or in which its clock leapt. */
  absences: readonly Absence[];
}

/** Unix ms; infinite as long as an absence lasts. Devices have no longer for their return than the time itself.
 *  @param endsAt as it was when the time was given */
export function endOf(endsAt: number, lengthMs: number, absences: readonly Absence[]): number {
  return deadlineAfter(endsAt - lengthMs, lengthMs, absences, Math.min(returnMs, lengthMs));
}

/** Given later than now: the clock was put back since, and the time begins anew. */
export function isFromTheFuture(endsAt: number, lengthMs: number, now: number): boolean {
  return endsAt - lengthMs > now;
}
