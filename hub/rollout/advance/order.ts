// What a person may order of a rollout in each of its states, and what it then is; pure.
import { healed, sentBack } from "./advance.ts";
import type { Member, Rollout, RolloutHead, RolloutState } from "./model.ts";

export const orders = ["pause", "halt", "resume", "promote", "undo", "approve"] as const;
export type OrderName = (typeof orders)[number];

const underWay = ["Progressing", "Baking", "AwaitingApproval"] as const;

const allowed: Readonly<Record<OrderName, readonly RolloutState[]>> = {
  pause: underWay,
  halt: [...underWay, "Paused"],
  resume: ["Paused", "Halted", "Undone"],
  promote: [...underWay, "Paused", "Halted"],
  undo: [...underWay, "Paused", "Halted", "Promoted"],
  approve: ["AwaitingApproval"],
};

export interface Ordered {
  head: Partial<RolloutHead>;
  marks: Member[];
  /** Whether the release is quarantined for the deployment from now on; absent: as before. */
  isQuarantined?: boolean;
}

/** States in which the order means something. */
export function statesFor(name: OrderName): readonly RolloutState[] {
  return allowed[name];
}

/** Undefined when the order means nothing in this state. Pure.
 *  @param heals with `halt`: whether devices that have the release return from it */
export function order(rollout: Rollout, name: OrderName, heals = false): Ordered | undefined {
  return allowed[name].includes(rollout.state) ? actions[name](rollout, heals) : undefined;
}

const actions: Readonly<Record<OrderName, (rollout: Rollout, heals: boolean) => Ordered>> = {
  pause: () => ({ head: { state: "Paused" }, marks: [] }),
  halt: ({ members }, heals) => ({
    head: { state: "Halted", bakeUntil: null },
    marks: heals ? [...healed(members, "the rollout was halted").values()] : [],
    isQuarantined: true,
  }),
  resume: (rollout) => resume(rollout),
  promote: (rollout) => {
    const { marks, head } = resume(rollout);
    const step = rollout.policy.steps.length - 1;
    return {
      head: { ...head, step, isForced: true, bakeUntil: null },
      marks,
      isQuarantined: false,
    };
  },
  undo: ({ members }) => ({
    head: { state: "Undone", bakeUntil: null },
    marks: members.filter(isThere).map((member) => sentBack(member, "the rollout was undone")),
    isQuarantined: true,
  }),
  approve: ({ step }) => ({ head: { state: "Progressing", approved: step }, marks: [] }),
};

/** What was sent back waits for its step again; a cohort that was left out stays out. After a halt or an undo what
 *  was approved is asked again: whoever approved it had not seen what came. */
function resume({ members, state }: Rollout): Ordered {
  const fresh = { state: "Pending", step: null, deadlineAt: null, reason: null } as const;
  const marks = members
    .filter((member) => member.state === "Reverted")
    .map((member): Member => ({ ...member, ...fresh }));
  const anew = { step: 0, bakeUntil: null, approved: -1, isForced: false } as const;
  const restart = state === "Paused" ? {} : anew;
  return { head: { state: "Progressing", ...restart }, marks, isQuarantined: false };
}

function isThere({ state }: Member): boolean {
  return state !== "Left" && state !== "Reverted";
}
