// Which rendering a device of a rollout is to have: the new one, what it had before, or what it returns to; pure.
import type { Member, MemberState, RolloutState } from "./model.ts";

/** `newest`: what the accepted commits say now. `before`: what the device keeps until its step comes.
 *  `base`: the last that was promoted with it. */
export type Placement = "newest" | "before" | "base";

/** A whole table, so that a new state does not compile without its rendering. */
const running = {
  Pending: "before",
  Released: "newest",
  Waiting: "newest",
  Succeeded: "newest",
  Failed: "newest",
  Reverted: "base",
  Left: "base",
} as const satisfies Record<Exclude<MemberState, "Held">, Placement>;

type Placed = Pick<Member, "state" | "step">;

/** @param member undefined for a device that had nothing to change when the rollout began */
export function placementOf(state: RolloutState, member: Placed | undefined): Placement {
  switch (state) {
    case "Superseded":
      return "newest";
    case "Undone":
      return "base";
    case "Promoted":
      return member?.state === "Reverted" || member?.state === "Held" ? placeOf(member) : "newest";
    case "Progressing":
    case "Baking":
    case "AwaitingApproval":
    case "Paused":
    case "Halted":
      return member === undefined ? "base" : placeOf(member);
  }
}

/** Left out with its cohort, a device that has the release returns; any other is not touched. */
function placeOf({ state, step }: Placed): Placement {
  if (state !== "Held") return running[state];
  return step === null ? "before" : "base";
}
