// Whether the device is in safe mode, and why: by what it remembers and what is so now.
import type { DesiredMode } from "#shared/desired.ts";
import type { AppName } from "#shared/ids.ts";
import type { EventBody } from "#shared/journal.ts";
import type { SafeModeReport } from "#shared/reported.ts";
import type { Outcome } from "./attempt.ts";

export type SafeCause = SafeModeReport["cause"];

interface Entered {
  cause: SafeCause;
  message: string;
  /** Unix ms, for people. */
  since: number;
}

/** What is remembered over restarts. */
export interface SafeState {
  /** Present while the device is in safe mode. */
  entered?: Entered;
  /** The newest attempt that had ended when somebody said "try again": failures up to it do not count. */
  forgiven?: string;
  /** Apps that were stopped because they were sick in safe mode. */
  suspended: AppName[];
}

/** One start of the agent that has not proved itself yet. */
export interface Start {
  bootId: string;
  /** Ms since that boot. */
  monotonicMs: number;
  /** Unix ms; a device without a set clock starts in 1970 or where it was switched off. */
  at: number;
}

/** What safe mode means for the round. */
export interface Stance {
  isSafe: boolean;
  suspended: ReadonlySet<AppName>;
  /** Something was suspended, so the safe-mode stack is to run. */
  needsStack: boolean;
}

export interface FinishedAttempt {
  attempt: string;
  app: AppName;
  outcome: Outcome;
}

export interface DiskRoom {
  /** What this agent could still write if it gave up its ballast. */
  freeBytes: number;
  reserveBytes: number;
}

/** By hand at the device, once. `again` is the fleet's or a person's word to try again what failed. */
export type Order = { kind: "enter"; reason: string } | { kind: "leave" } | { kind: "again" };

export interface SafeFacts {
  /** Unix ms. */
  wallMs: number;
  hubMode: DesiredMode;
  /** Absent before the first measurement. */
  disk?: DiskRoom;
  /** Newest first. */
  finished: readonly FinishedAttempt[];
  /** Starts in a row that never reached a healthy loop, without this one. */
  failedStarts: number;
  /** Why nothing can be kept. */
  volatile?: string;
  order?: Order;
}

export interface SafeDecision {
  state: SafeState;
  /** Absent when the device neither enters nor leaves. */
  event?: EventBody;
}

export const inNoSafeMode: SafeState = { suspended: [] };

const failuresInARow = 3;
const startsInARow = 5;
const startsWithinMs = 600_000;
/** Below a tenth of the reserve the disk counts as full, from half of it on as free again. */
const fullShare = 0.1;
const freeShare = 0.5;
const leastFullBytes = 1_000_000;
const leastFreeBytes = 4_000_000;

/** The next state, and the event of a transition. Pure. What somebody has to look at (failed updates, a boot
 *  loop, a hand) stays until somebody says so; what passes by itself ends by itself. */
export function decideSafeMode(before: SafeState, facts: SafeFacts): SafeDecision {
  const state = obeyed(before, facts);
  const cause = causeOf(state, facts);
  if (cause === undefined) return left(before, state, facts);
  const { entered } = before;
  // Another number in the words is no other cause.
  if (entered?.cause === cause.cause) return { state: { ...state, entered } };
  const now = { ...cause, since: entered?.since ?? facts.wallMs };
  const reason = entered === undefined ? "SafeModeEntered" : "SafeModeCauseChanged";
  const event: EventBody = { type: "Warning", reason, message: cause.message };
  return { state: { ...state, entered: now }, event };
}

/** A leave or a new try forgets what has led into safe mode; what still holds leads into it again. */
function obeyed(before: SafeState, { order, finished }: SafeFacts): SafeState {
  if (order === undefined || order.kind === "enter") return before;
  const forgiven = finished[0]?.attempt ?? before.forgiven;
  return { suspended: before.suspended, ...(forgiven === undefined ? {} : { forgiven }) };
}

type Cause = Pick<Entered, "cause" | "message">;

function causeOf(state: SafeState, facts: SafeFacts): Cause | undefined {
  const { order, failedStarts } = facts;
  const { entered } = state;
  if (order?.kind === "enter") return { cause: "hand", message: `by hand: ${order.reason}` };
  if (entered !== undefined && stays.has(entered.cause)) return entered;
  const starts = order === undefined ? failedStarts : 0;
  return failing(state, facts) ?? looping(starts) ?? passing(entered?.cause, facts);
}

/** Causes that only a person or the fleet ends. */
const stays: ReadonlySet<SafeCause> = new Set<SafeCause>(["failedUpdates", "bootLoop", "hand"]);

function failing({ forgiven }: SafeState, { finished }: SafeFacts): Cause | undefined {
  const end = finished.findIndex(({ attempt }) => attempt === forgiven);
  const counted = (end < 0 ? finished : finished.slice(0, end)).filter(
    ({ outcome }) => outcome !== "superseded",
  );
  if (haveFailed(counted)) return failed("the last three updates of this device");
  for (const app of new Set(counted.map((one) => one.app))) {
    if (haveFailed(counted.filter((one) => one.app === app))) {
      return failed(`the last three updates of ${app}`);
    }
  }
  return undefined;
}

function haveFailed(newestFirst: readonly FinishedAttempt[]): boolean {
  const last = newestFirst.slice(0, failuresInARow);
  return last.length === failuresInARow && last.every(({ outcome }) => outcome !== "succeeded");
}

function failed(which: string): Cause {
  return { cause: "failedUpdates", message: `${which} failed` };
}

function looping(starts: number): Cause | undefined {
  if (starts < startsInARow) return undefined;
  const message = `the agent has started ${starts} times in a row without a healthy loop`;
  return { cause: "bootLoop", message };
}

function passing(present: SafeCause | undefined, facts: SafeFacts): Cause | undefined {
  if (facts.hubMode === "safe") return { cause: "hub", message: "the fleet asks for it" };
  if (facts.volatile !== undefined) {
    return { cause: "journal", message: `nothing can be kept: ${facts.volatile}` };
  }
  return fullDisk(present === "diskFull", facts.disk);
}

function fullDisk(wasFull: boolean, disk: DiskRoom | undefined): Cause | undefined {
  if (disk === undefined) return wasFull ? { cause: "diskFull", message: "full" } : undefined;
  const { freeBytes, reserveBytes } = disk;
  const floor = wasFull
    ? Math.max(leastFreeBytes, reserveBytes * freeShare)
    : Math.max(leastFullBytes, reserveBytes * fullShare);
  if (freeBytes >= floor) return undefined;
  const [free, reserve] = [freeBytes, reserveBytes].map((bytes) => (bytes / 1e6).toFixed(1));
  const message = `the disk is full: ${free} MB are free, and ${reserve} MB should be`;
  return { cause: "diskFull", message };
}

function left(before: SafeState, state: SafeState, { order }: SafeFacts): SafeDecision {
  const { entered, ...rest } = state;
  const was = before.entered;
  if (was === undefined) return { state: { ...rest, suspended: [] } };
  const why = order === undefined ? endings[was.cause] : orderWords[order.kind];
  const event: EventBody = {
    type: "Normal",
    reason: "SafeModeLeft",
    message: `${why}; it was entered because: ${was.message}`,
  };
  return { state: { ...rest, suspended: [] }, event };
}

const orderWords = {
  enter: "",
  leave: "left by hand",
  again: "told to try again",
} as const satisfies Record<Order["kind"], string>;

const endings = {
  failedUpdates: "updates do not fail any more",
  diskFull: "the disk has room again",
  bootLoop: "the agent stays up again",
  journal: "the journal can be written again",
  hub: "the fleet does not ask for it any more",
  hand: "left by hand",
} as const satisfies Record<SafeCause, string>;

/** Pure. */
export function stanceOf({ entered, suspended }: SafeState): Stance {
  return {
    isSafe: entered !== undefined,
    suspended: new Set(suspended),
    needsStack: suspended.length > 0,
  };
}

/** The starts that may belong to one boot loop: those that are surely older fall out. A wall clock that was
 *  never set, or was set back, makes nothing old. Pure. */
export function recentStarts(starts: readonly Start[], now: Start): Start[] {
  return starts.filter((start) => !isOld(start, now)).slice(-startsInARow * 2);
}

function isOld(start: Start, now: Start): boolean {
  if (start.bootId === now.bootId) return now.monotonicMs - start.monotonicMs > startsWithinMs;
  // It was before this boot, which itself is that long ago.
  if (now.monotonicMs > startsWithinMs) return true;
  return start.at > plausibleMs && now.at - start.at > startsWithinMs;
}

/** 2026-01-01: no device of ours has seen an earlier day by a set clock. */
const plausibleMs = 1_767_225_600_000;
