// The store port of what goes with time: which rows may be deleted, and how many were.
import type { Digest } from "#shared/ids.ts";

/** What may go. All times Unix ms by the hub's clock. */
export interface PruneLimits {
  /** Journal entries received before this, except those that tell of updates. */
  journalBefore: number;
  /** Runs, and journal entries that tell of updates and runs and their steps. */
  updatesBefore: number;
  eventsBefore: number;
  /** Enrolment tokens that ended before this, used or not. */
  tokensBefore: number;
  releasesBefore: number;
  /** Of each role and branch this many releases stay, by the time of their newest commit. */
  releasesPerBranch: number;
  /** These stay, however old. */
  releasesInUse: readonly Digest[];
  /** Every other branch goes. Absent: all stay. */
  branchesInUse?: readonly string[];
  /** Who has exceeded its allowance and lost nothing for it since is within it again. */
  cutBefore: number;
  /** At most so many rows of each kind in one call. */
  maxRows: number;
}

/** Rows deleted, by kind. */
export interface Pruned {
  journal: number;
  updates: number;
  runs: number;
  events: number;
  /** Entries and events of devices that exceed their allowance. */
  cut: number;
  tokens: number;
  releases: number;
  branches: number;
}

/** What the store forgets. */
export interface PruneStore {
  /** Deletes what is beyond the limits, a bounded part of it in each call: call again while a count is
   *  `maxRows`. The journals' marks stay, so that no device sends again what was deleted. */
  prune(limits: PruneLimits): Promise<Pruned>;
}
