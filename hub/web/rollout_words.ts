// The states of rollouts and of their devices as badges, bars and words.
import { html } from "hono/html";
import type { MemberState, RolloutState } from "#hub/rollout/advance/model.ts";
import { badge, type Look, type Tone } from "./badge.ts";
import type { Html } from "./html.ts";

const rolloutLooks: Readonly<Record<RolloutState, Look>> = {
  Progressing: ["busy", "half"],
  Baking: ["busy", "half"],
  AwaitingApproval: ["warn", "pause"],
  Paused: ["warn", "pause"],
  Halted: ["bad", "slash"],
  Undone: ["warn", "back"],
  Promoted: ["good", "tick"],
  Superseded: ["none", "minus"],
};

const memberLooks: Readonly<Record<MemberState, Look>> = {
  Succeeded: ["good", "tick"],
  Released: ["busy", "half"],
  Failed: ["bad", "cross"],
  Waiting: ["warn", "ring"],
  Reverted: ["none", "back"],
  Held: ["none", "pause"],
  Left: ["none", "minus"],
  Pending: ["none", "gap"],
};

const memberWords: Readonly<Record<MemberState, string>> = {
  Succeeded: "healthy",
  Released: "under way",
  Failed: "failed",
  Waiting: "waiting",
  Reverted: "sent back",
  Held: "left out",
  Left: "gone",
  Pending: "to come",
};

/** In the order of a device's way. */
const order = Object.keys(memberLooks) as MemberState[];

export type Counts = Partial<Record<MemberState, number>>;

export const rolloutBadge = (state: RolloutState): Html => badge(state, rolloutLooks[state]);
export const memberBadge = (state: MemberState): Html => badge(state, memberLooks[state]);

export function countsOf(members: readonly { state: MemberState }[]): Counts {
  const counts: Counts = {};
  for (const { state } of members) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

export function countsInWords(counts: Counts): string {
  const words = order.flatMap((state) => {
    const count = counts[state] ?? 0;
    return count === 0 ? [] : [`${count} ${memberWords[state]}`];
  });
  return words.length === 0 ? "no device yet" : words.join(", ");
}

/** Shares of all devices, left to right; what is to come stays empty.
 *  @param all the whole width */
export function deviceBar(counts: Counts, all: number): Html {
  let x = 0;
  const parts = order.map((state) => {
    const width = all === 0 ? 0 : (100 * (counts[state] ?? 0)) / all;
    const from = x;
    x += width;
    const tone: Tone | "rest" = state === "Pending" ? "rest" : memberLooks[state][0];
    return width === 0
      ? ""
      : html`<rect class="${tone}" x="${from}" y="0" width="${width}" height="4"/>`;
  });
  return html`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="${countsInWords(counts)}">${parts}</svg>`;
}
