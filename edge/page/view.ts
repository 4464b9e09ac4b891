// What the page is drawn from: the status, and who looks at it when.
import type { JournalEntry } from "#shared/journal.ts";
import type { Liveness, LocalStatus, RunningUpdate } from "./status.ts";

export interface PageView {
  status: LocalStatus;
  liveness: Liveness;
  /** Ms since boot. */
  nowMs: number;
  isSignedIn: boolean;
  /** The agent takes requests: it is enrolled and its loop has begun. */
  canAct: boolean;
  /** Where the token is, for people. */
  tokenFile: string;
  /** What came of the last button. */
  note?: string | undefined;
  /** Seconds after which a browser without JavaScript asks again; undefined: never. */
  refreshSeconds?: number | undefined;
}

/** By the device's clock, as far as that can be true. Pure. */
export function wallAgeMs({ status }: PageView, at: number): number | undefined {
  return status.at >= at ? status.at - at : undefined;
}

/** Exact within one boot. What is older than the boot is at least as old as that; a clock that says
 *  otherwise was wrong. Pure. */
export function entryAgeMs(
  view: PageView,
  { bootId, monotonicMs, at }: Pick<JournalEntry, "bootId" | "monotonicMs" | "at">,
): number | undefined {
  if (bootId === view.status.bootId) return Math.max(0, view.nowMs - monotonicMs);
  const ageMs = wallAgeMs(view, at);
  return ageMs !== undefined && ageMs >= view.nowMs ? ageMs : undefined;
}

/** Since when an update is under way. Pure. */
export function runningAgeMs(view: PageView, running: RunningUpdate): number | undefined {
  const { bootId, startedMonotonicMs: monotonicMs, startedAt: at } = running;
  return entryAgeMs(view, { bootId, monotonicMs, at });
}

/** An ended update, by its entry in the journal where that is among the last ones. Pure. */
export function updateAgeMs(
  view: PageView,
  update: { attempt: string; finishedAt: number },
): number | undefined {
  const entry = view.status.events?.find(
    ({ kind, body }) => kind === "update.finished" && body["attempt"] === update.attempt,
  );
  return entry === undefined ? wallAgeMs(view, update.finishedAt) : entryAgeMs(view, entry);
}
