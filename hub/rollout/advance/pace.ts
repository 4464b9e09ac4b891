// How fast the devices of a step begin, where a policy spreads them: not all fetch in the same second; pure.
import type { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { Member } from "./model.ts";

export interface Pace {
  /** Devices that may begin now. */
  room: number;
  /** Unix ms at which more may; null without a pace. */
  nextAt: number | null;
}

/** One look per second is often enough, whatever the number of devices. */
const leastMs = 1000;

/** The first begins at once, and each next a share of the time later.
 *  @param size devices that have the release when the step is over */
export function paceOf(
  { spreadMs = 0, deadlineMs }: RolloutPolicy,
  members: readonly Member[],
  size: number,
  now: number,
): Pace {
  if (spreadMs === 0) return { room: Number.POSITIVE_INFINITY, nextAt: null };
  const gapMs = spreadMs / size;
  const begun = members.flatMap(({ state, deadlineAt }) =>
    state === "Released" && deadlineAt !== null ? deadlineAt - deadlineMs : [],
  );
  // Who has answered needs no distance any more.
  const room = begun.length === 0 ? 1 : Math.floor((now - Math.max(...begun)) / gapMs);
  const last = room > 0 ? now : Math.max(...begun);
  return { room, nextAt: Math.ceil(last + Math.max(gapMs, leastMs)) };
}
