// Rollouts in words, colours and bars, the same in every view.
import type { RolloutDevice, RolloutView } from "#hub/api/rollout_view.ts";
import type { Paint, Tone } from "#hub/cli/terminal/colour.ts";
import type { MemberState, RolloutState } from "#hub/rollout/advance/model.ts";

const rolloutTones: Readonly<Record<RolloutState, Tone>> = {
  Progressing: "busy",
  Baking: "busy",
  AwaitingApproval: "busy",
  Paused: "busy",
  Halted: "bad",
  Undone: "bad",
  Promoted: "good",
  Superseded: "dim",
};

const memberTones: Readonly<Record<MemberState, Tone | undefined>> = {
  Pending: "dim",
  Released: "busy",
  Waiting: "busy",
  Succeeded: "good",
  Failed: "bad",
  Reverted: undefined,
  Held: undefined,
  Left: "dim",
};

export function rolloutTone(state: RolloutState): Tone {
  return rolloutTones[state];
}

export function memberTone(state: MemberState): Tone | undefined {
  return memberTones[state];
}

/** Whether nothing happens any more unless somebody orders it. */
export function isSettled({ state }: Pick<RolloutView, "state">): boolean {
  return settled.has(state);
}

const settled = new Set<RolloutState>(["Promoted", "Halted", "Undone", "Superseded"]);

/** By state, in the order of a device's way; only those that occur. */
export function countsInWords(devices: Readonly<Partial<Record<MemberState, number>>>): string {
  const words = order.flatMap((state) => {
    const count = devices[state] ?? 0;
    return count === 0 ? [] : [`${count} ${memberWords[state]}`];
  });
  return words.length === 0 ? "no devices" : words.join(", ");
}

const order: readonly MemberState[] = [
  "Succeeded",
  "Released",
  "Failed",
  "Waiting",
  "Reverted",
  "Held",
  "Left",
  "Pending",
];

const memberWords: Readonly<Record<MemberState, string>> = {
  Pending: "to come",
  Released: "under way",
  Waiting: "waiting",
  Succeeded: "healthy",
  Failed: "failed",
  Reverted: "sent back",
  Held: "left out",
  Left: "gone",
};

const signs: Readonly<Record<MemberState, string>> = {
  Succeeded: "█",
  Released: "▒",
  Failed: "×",
  Waiting: "○",
  Reverted: "‹",
  Held: "-",
  Left: "-",
  Pending: "·",
};

/** One line of so many cells, each state by its share; whatever occurs has a cell at least, as far as they go. */
export function bar(
  devices: Readonly<Partial<Record<MemberState, number>>>,
  cells: number,
  paint: Paint,
): string {
  const present = order.filter((state) => (devices[state] ?? 0) > 0);
  const all = present.reduce((sum, state) => sum + (devices[state] ?? 0), 0);
  let left = cells;
  let rest = all;
  const parts = present.map((state, at) => {
    const count = devices[state] ?? 0;
    const others = present.length - at - 1;
    const share = Math.round((left * count) / rest);
    const width = Math.max(Math.min(1, left), Math.min(share, left - others));
    left -= width;
    rest -= count;
    return paint(signs[state].repeat(width), memberTones[state]);
  });
  return parts.join("");
}

export interface StepCounts {
  name: string;
  isNow: boolean;
  counts: Partial<Record<MemberState, number>>;
}

/** What became of the devices that each step released. */
export function stepCounts(view: RolloutView, members: readonly RolloutDevice[]): StepCounts[] {
  return view.plan.map(({ name, approval }, at) => {
    const counts: StepCounts["counts"] = {};
    for (const { step, state } of members) {
      if (step === at + 1) counts[state] = (counts[state] ?? 0) + 1;
    }
    const waits = approval ? `${name}, by approval` : name;
    return { name: waits, isNow: at + 1 === view.step && !isSettled(view), counts };
  });
}

/** Devices that a person should look at: what failed or waits, what is under way, and what was sent back, first
 *  those whose words say more than that. */
export function tellingDevices(members: readonly RolloutDevice[]): RolloutDevice[] {
  const place = (state: MemberState): number => telling.indexOf(state);
  return members
    .filter(({ state }) => telling.includes(state))
    .toSorted((a, b) => place(a.state) - place(b.state) || lengthOf(b) - lengthOf(a));
}

const telling: readonly MemberState[] = ["Failed", "Waiting", "Held", "Released", "Reverted"];

function lengthOf({ reason }: RolloutDevice): number {
  return reason?.length ?? 0;
}
