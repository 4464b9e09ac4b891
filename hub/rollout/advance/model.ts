// What a rollout is: its states, its devices, and what is known of each when the next decision is made.
import type { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { EventBody } from "#shared/journal.ts";
import type { Connection } from "#shared/status.ts";

/** Progressing, Baking and AwaitingApproval follow from the devices; Paused, Halted and Undone last until
 *  somebody orders otherwise; Promoted and Superseded are ends. A new commit ends every one of them. */
export const rolloutStates = [
  "Progressing",
  "Baking",
  "AwaitingApproval",
  "Paused",
  "Halted",
  "Undone",
  "Promoted",
  "Superseded",
] as const;
export type RolloutState = (typeof rolloutStates)[number];

/** Pending: has what it had. Released: is to have the release, and must answer before its deadline. Waiting: is
 *  to have it, but is away, held back or could not take it yet, and counts neither for nor against. Reverted: was sent back. Held: left
 *  out with its cohort; one that has a step had the release and returns. Left: is gone from the deployment. */
export const memberStates = [
  "Pending",
  "Released",
  "Waiting",
  "Succeeded",
  "Failed",
  "Reverted",
  "Held",
  "Left",
] as const;
export type MemberState = (typeof memberStates)[number];

export interface Member {
  device: DeviceId;
  state: MemberState;
  /** The step that released it; null before. */
  step: number | null;
  /** Unix ms, later by the times in which no hub could hear it; null while it need not answer. */
  deadlineAt: number | null;
  /** Why it failed, waits or was sent back. */
  reason: string | null;
}

/** A property that devices may share, e.g. `model` = `Raspberry Pi 3`. */
export interface Trait {
  key: string;
  value: string;
}

/** How well one property separates the failed devices from those that succeeded. */
export interface Suspect extends Trait {
  /** Failed devices that have it, of all that failed. */
  failed: number;
  failedOf: number;
  succeeded: number;
  succeededOf: number;
  /** Chance of a split at least so clear if the property had nothing to do with it (Fisher, one-sided), times
   *  the number of properties looked at (Bonferroni); at most 1. */
  chance: number;
}

export interface Rollout {
  id: number;
  state: RolloutState;
  /** Index into the policy's steps. */
  step: number;
  /** Unix ms at which the present step has baked, later by the times in which no hub could hear its devices; null
   *  before its gate holds. */
  bakeUntil: number | null;
  /** The greatest step that a person has approved; -1 before the first. */
  approved: number;
  /** A person wants all that remains at once: gates, windows, budget and approvals are not asked. */
  isForced: boolean;
  /** Devices with one of these are left out. */
  cohorts: Trait[];
  policy: RolloutPolicy;
  /** In the order in which they are released. */
  members: readonly Member[];
}

/** What a device of the deployment says about the target, and what it is. */
export interface Fact {
  labels: Labels;
  connection: Connection;
  /** `refused`: it does not try again. `unhealthy`: it runs the target, but not well. */
  answer: "succeeded" | "refused" | "unhealthy" | "none";
  /** The device's own words about it. */
  words: string | null;
  isSafe: boolean;
  /** Its safe mode was ordered, or has a cause that is not the release. */
  isSafeAnyway?: true;
  /** An operator's mode, a closed window, a lock, a run or a silent runtime keeps it from changing. */
  isHeld: boolean;
  /** It has not come to the release, because it has not heard of it or prepares it still, and nobody's word keeps
   *  it: it may begin at any moment. */
  mayBegin?: true;
  /** It has reported nothing yet, so that only its labels are known. */
  isNew?: true;
  /** A person has pinned it to a release of their own choice: it takes no part until the pin ends. */
  isPinned?: true;
  /** Online, and its app healthy in whatever release: it counts for the budget. */
  isServing: boolean;
  traits: readonly Trait[];
}

/** By device; devices of the deployment that have nothing to change are there too, for the budget. */
export type Facts = ReadonlyMap<DeviceId, Fact>;

export interface Tell {
  type: EventBody["type"];
  reason: string;
  message: string;
  device?: DeviceId;
}

/** The header of a rollout as a decision changes it. */
export type RolloutHead = Omit<Rollout, "members" | "policy" | "id">;

export interface Decision {
  head: RolloutHead;
  /** Members that changed, whole. */
  marks: Member[];
  tells: Tell[];
  /** Why it does not go on right now, for people. */
  waitsFor: string | null;
  /** Unix ms at which time alone may change the decision. */
  nextAt: number | null;
  /** When it halts by itself: what the failed devices share, the clearest first. */
  suspects: Suspect[] | null;
}
