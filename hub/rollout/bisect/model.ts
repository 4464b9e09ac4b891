// What a bisect is: the commits between a release that was good and one that was not, and the canaries that try them.
import type { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { Facts, Member, RolloutState, Tell } from "#hub/rollout/advance/model.ts";
import type { Absence } from "#hub/run/absence.ts";

/** Only Testing goes on. Inconclusive: the canaries do not show the fault, or it is not on the branch. */
export const bisectStates = ["Testing", "Found", "Inconclusive", "Cancelled"] as const;
export type BisectState = (typeof bisectStates)[number];

/** `skipped`: the commit cannot be rendered, so that nothing is known of it. */
export const verdicts = ["good", "bad", "untested", "skipped"] as const;
export type Verdict = (typeof verdicts)[number];

export interface Candidate {
  commit: string;
  author: string;
  /** First line of the commit's message. */
  subject: string;
  /** Unix ms. */
  committedAt: number;
  verdict: Verdict;
  /** Why it is bad or skipped, or known without a test. */
  why: string | null;
  /** Names what the canaries would get from it; null: not read yet. */
  content: string | null;
}

export interface Bisect {
  state: BisectState;
  /** Oldest first: at 0 what was promoted last, at the end the rollout's own. */
  commits: readonly Candidate[];
  /** The commit that the canaries are to have now; null: what the rollout gives them. */
  testing: number | null;
  /** What became of the present test on each canary. */
  canaries: readonly Member[];
  /** Unix ms at which the present test has baked; null before all canaries are healthy. */
  bakeUntil: number | null;
  /** The rollout's: deadline of each device, and the bake time of the first step. */
  policy: RolloutPolicy;
  /** How it ended, in words; null while it goes on. */
  outcome: string | null;
}

/** What is known when the next decision is made. */
export interface Reported {
  /** Of the canaries, about the commit under test. */
  facts: Facts;
  /** Undefined when a newer rollout has taken the place of the bisect's. */
  rollout: RolloutState | undefined;
  /** The whole fleet is halted: no test begins. */
  isFrozen: boolean;
  /** Times that no deadline counts. */
  absences: readonly Absence[];
}

export interface BisectDecision {
  /** The same object when nothing changes. */
  bisect: Bisect;
  tells: Tell[];
  /** Why it does not go on right now, for people. */
  waitsFor: string | null;
  /** Unix ms at which time alone may change the decision. */
  nextAt: number | null;
  /** The commit that must be read before a decision can be made; null: none. */
  toRead: number | null;
}
