// When a time that a rollout gives is over: times in which no device could be heard do not count; pure.
import { type Absence, deadlineAfter, returnMs } from "#hub/run/absence.ts";

export interface Moment {
  /** Unix ms. */
  now: number;
  /** Times in which there was no hub, or in which its clock leapt. */
  absences: readonly Absence[];
}

interface Running {
  /** As it is to be stored: Unix ms, without the absences. */
  endsAt: number;
  isOver: boolean;
  /** Unix ms at which it is over; null as long as an absence lasts. */
  nextAt: number | null;
}

/** How a time stands that was given, or that is given now. One that begins later than now was given by a clock that was
 *  put back since, and begins anew. After an absence devices have as long for their return as the time is, at most.
 *  @param given when it would end without absences; null: it begins now */
export function runningTime(
  given: number | null,
  lengthMs: number,
  { now, absences }: Moment,
): Running {
  const endsAt = given === null || given - lengthMs > now ? now + lengthMs : given;
  const backMs = Math.min(returnMs, lengthMs);
  const end = deadlineAfter(endsAt - lengthMs, lengthMs, absences, backMs);
  return { endsAt, isOver: now >= end, nextAt: Number.isFinite(end) ? end : null };
}
