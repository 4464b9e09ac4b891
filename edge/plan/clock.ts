// Whether the wall clock may be believed, by what the hub has said of the time; pure.
import type { AppInput } from "./input.ts";

const dayMs = 86_400_000;
/** Two clocks that are both right differ by less. */
const toleranceMs = dayMs;
/** So long a wish may wait on a device that is away; clocks that lost their battery or epoch are wrong by more. */
const silenceMs = 366 * dayMs;
/** A hub that speaks of an earlier time has a clock that was never set. */
const firstWordMs = Date.UTC(2026, 0, 1);

type Moment = Pick<AppInput, "issuedAt" | "nowMs" | "wallMs">;

/** The latest time that is known to have come: the hub's word holds by any clock. */
export function knownMs(moment: Moment): number {
  const { issuedAt = moment.wallMs, wallMs } = moment;
  return clockFault(moment) === undefined ? Math.max(issuedAt, wallMs) : issuedAt;
}

/** What is wrong with the clock; undefined when it may be right. The time since boot is known whatever the clock did; of
 *  the time before it the clock alone tells.
 *  @see docs/decisions/2026-11-22-clocks.md */
export function clockFault({ issuedAt, nowMs, wallMs }: Moment): string | undefined {
  if (issuedAt === undefined) return undefined;
  if (wallMs < issuedAt - toleranceMs)
    return `the clock says ${timeText(wallMs)}, before the wish was issued`;
  if (issuedAt < firstWordMs || wallMs <= issuedAt + nowMs + silenceMs) return undefined;
  const word = `the hub's last word (${timeText(issuedAt)})`;
  return `the clock says ${timeText(wallMs)}, more than a year after ${word}`;
}

export function timeText(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
