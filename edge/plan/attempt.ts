// The update machine: the stages of one attempt to bring an app to a revision, as one table.
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { FailureReport } from "#shared/reported.ts";

/** How an attempt can end; `superseded`: another revision was wanted before it was over. */
export type Outcome = "succeeded" | "refused" | "rolledBack" | "superseded";

/** What comes after a stage that went well (`ok`), failed for good (`fail`) or for a passing reason
 *  (`again`). Up to `swap` nothing that serves is touched, so a failure only refuses. */
export const machine = {
  fetch: { ok: "verify", fail: "refused", again: "fetch" },
  verify: { ok: "stage", fail: "refused", again: "fetch" },
  stage: { ok: "validate", fail: "refused", again: "fetch" },
  validate: { ok: "pull", fail: "refused", again: "validate" },
  pull: { ok: "hold", fail: "refused", again: "pull" },
  hold: { ok: "check", fail: "refused", again: "hold" },
  check: { ok: "swap", fail: "refused", again: "check" },
  swap: { ok: "start", fail: "rollBack", again: "swap" },
  start: { ok: "probe", fail: "rollBack", again: "start" },
  probe: { ok: "switch", fail: "rollBack", again: "probe" },
  switch: { ok: "commit", fail: "rollBack", again: "switch" },
  commit: { ok: "succeeded", fail: "rollBack", again: "commit" },
  rollBack: { ok: "restore", fail: "rolledBack", again: "rollBack" },
  restore: { ok: "rolledBack", fail: "rolledBack", again: "restore" },
} as const satisfies Record<string, { ok: string; fail: string; again: string }>;

export type Stage = keyof typeof machine;

/** Stages in which the old release still serves untouched. */
export const preparing: ReadonlySet<Stage> = new Set<Stage>([
  "fetch",
  "verify",
  "stage",
  "validate",
  "pull",
  "hold",
  "check",
]);

/** Stages in which the new release is judged. */
export const onTrial: ReadonlySet<Stage> = new Set<Stage>(["start", "probe"]);

/** Stages that come to their end whatever is wanted by now: the release has proved itself, or the way
 *  back has begun. */
export const finishing: ReadonlySet<Stage> = new Set<Stage>([
  "switch",
  "commit",
  "rollBack",
  "restore",
]);

/** One attempt as the journal keeps it while it is open. */
export interface Attempt {
  id: string;
  app: AppName;
  /** What served when the attempt began; absent on the first install. */
  from?: RevisionId;
  to: RevisionId;
  digest: string;
  commit: string;
  stage: Stage;
  /** Unix ms, for people. */
  startedAt: number;
  /** Ms since boot of `bootId`; timers of another boot start anew. */
  startedMonotonicMs: number;
  stageMonotonicMs: number;
  /** From when on the grace period counts; later than the stage's start by the time in which nobody could
   *  look. */
  graceMonotonicMs?: number;
  bootId: string;
  /** How often the present stage failed for a passing reason. */
  tries: number;
  /** Not before this, ms since boot of `bootId`. */
  retryMonotonicMs?: number;
  /** The same as Unix ms, for people. */
  retryAt?: number;
  /** Since when the app itself holds the update back, ms since boot of `bootId`. */
  heldSinceMonotonicMs?: number;
  /** How often a transfer came with the wrong content. */
  corruptions?: number;
  /** How often the agent came back, by its own restart or the device's, and found the release on trial. */
  interruptions?: number;
  /** The passing failure that is waited out, or the final one that is rolled back for. */
  failure?: FailureReport;
}

/** Ms since boot from which the grace period counts. */
export function graceSince({ graceMonotonicMs, stageMonotonicMs }: Attempt): number {
  return graceMonotonicMs ?? stageMonotonicMs;
}
