// Moves attempts through the update machine and journals each stage: intent before, outcome after.
import type { Journal } from "#edge/journal/port.ts";
import {
  type Attempt,
  graceSince,
  machine,
  type Outcome,
  onTrial,
  preparing,
  type Stage,
} from "#edge/plan/attempt.ts";
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import type { FleetError } from "#shared/errors.ts";
import { faultPoint } from "#shared/fault.ts";
import type { FailureReport } from "#shared/reported.ts";

/** Retries of a preparation may wait long: the old release serves. What comes after the swap may not. */
const patient = { baseMs: 1000, maxMs: 300_000 };
const pressing = { baseMs: 500, maxMs: 5000 };
/** An app that holds its update is asked again soon: its pauses may be short. */
const asking = { baseMs: 1000, maxMs: 15_000 };

/** After so many corrupt transfers the content itself is taken to be wrong. */
const corruptTries = 5;

/** Failed revisions of an app that are remembered; the oldest is forgotten first. */
const maxQuarantined = 32;

interface Parts {
  journal: Journal;
  clock: Clock;
  random(): number;
  onClosed(attempt: Attempt, outcome: Outcome): void;
}

export interface Attempts {
  open(attempt: Attempt): void;
  /** The present stage went well. */
  pass(attempt: Attempt): void;
  /** The present stage failed; the error's verdict says whether it is tried again. */
  stumble(attempt: Attempt, error: FleetError): void;
  /** The present stage failed for good. */
  fail(attempt: Attempt, failure: FailureReport): void;
  close(attempt: Attempt, outcome: Outcome): void;
  /** The attempt with timers that hold for this process: one that an earlier process left, perhaps before
   *  a reboot, is resumed, since nobody looked meanwhile. */
  current(attempt: Attempt): Attempt;
  /** Nobody could look for so long: the grace period ends later. */
  extend(attempt: Attempt, lostMs: number): void;
}

export function failureReport(error: FleetError, at: number): FailureReport {
  const { code, sentence, hint } = error;
  return { code, message: sentence, ...(hint === undefined ? {} : { hint }), at };
}

export function createAttempts({ journal, clock, random, onClosed }: Parts): Attempts {
  /** Opened or resumed by this process. */
  const watched = new Set<string>();

  const journalStage = (
    { id, app, stage }: Attempt,
    kind: "step.started" | "step.finished",
    more = {},
  ): void => {
    journal.append({ kind, app, body: { attempt: id, step: stage, ...more } });
  };

  const finishStage = (attempt: Attempt, failure?: FailureReport): void => {
    faultPoint(`after:${attempt.stage}`);
    const durationMs = Math.max(0, Math.round(clock.monotonicMs() - attempt.stageMonotonicMs));
    const why = failure === undefined ? {} : { code: failure.code, message: failure.message };
    journalStage(attempt, "step.finished", { ok: failure === undefined, durationMs, ...why });
  };

  const close = (attempt: Attempt, outcome: Outcome): void => {
    const quarantine = outcome === "refused" || outcome === "rolledBack";
    journal.closeAttempt(attempt, outcome, { quarantine });
    watched.delete(attempt.id);
    if (quarantine) thinQuarantine(journal, attempt);
    onClosed(attempt, outcome);
  };

  const enter = (attempt: Attempt, next: Stage | Outcome): void => {
    if (!(next in machine)) {
      close(attempt, next as Outcome);
      return;
    }
    const moved = movedTo(attempt, next as Stage, clock.monotonicMs());
    journal.saveAttempt(moved);
    journalStage(moved, "step.started");
    faultPoint(`before:${moved.stage}`);
  };

  const fail = (attempt: Attempt, failure: FailureReport): void => {
    finishStage(attempt, failure);
    enter({ ...attempt, failure: firstReason(attempt, failure) }, machine[attempt.stage].fail);
  };

  /** The stage is tried again later, or an earlier one is when its result turned out to be useless. */
  const retry = (attempt: Attempt, failure: FailureReport): void => {
    const stage = machine[attempt.stage].again;
    const again = { ...attempt, stage, failure: firstReason(attempt, failure) };
    if (stage === attempt.stage) {
      journal.saveAttempt(again);
      return;
    }
    finishStage(attempt, failure);
    journal.saveAttempt({ ...again, stageMonotonicMs: clock.monotonicMs() });
    journalStage(again, "step.started");
  };

  return {
    open: (attempt) => {
      watched.add(attempt.id);
      journal.saveAttempt(attempt);
      journalStage(attempt, "step.started");
      faultPoint(`before:${attempt.stage}`);
    },
    pass: (attempt) => {
      finishStage(attempt);
      enter(attempt, machine[attempt.stage].ok);
    },
    fail,
    close: (attempt, outcome) => {
      // The last stage of this way is over with it; any other was only broken off.
      if (machine[attempt.stage].ok === outcome) finishStage(attempt);
      close(attempt, outcome);
    },
    stumble: (attempt, error) => {
      const failure = failureReport(error, clock.now());
      const isCorrupt = error.code === "bundle_corrupt" || error.code === "image_corrupt";
      const corruptions = (attempt.corruptions ?? 0) + (isCorrupt ? 1 : 0);
      if (error.retry === "never" || corruptions > corruptTries) return fail(attempt, failure);
      const waitMs = delayMs(Math.max(attempt.tries, corruptions), random(), limitsOf(attempt));
      tellDelay(journal, attempt, failure);
      retry(
        {
          ...attempt,
          tries: attempt.tries + 1,
          retryMonotonicMs: clock.monotonicMs() + waitMs,
          retryAt: Math.round(clock.now() + waitMs),
          ...(corruptions === 0 ? {} : { corruptions }),
          ...(error.code === "update_held" ? heldSince(attempt, clock.monotonicMs()) : {}),
        },
        failure,
      );
    },
    current: (attempt) => {
      if (watched.has(attempt.id)) return attempt;
      watched.add(attempt.id);
      const resumed = resumedAt(attempt, journal.bootId, clock.monotonicMs());
      journal.saveAttempt(resumed);
      return resumed;
    },
    extend: (attempt, lostMs) => {
      if (!isTimed(attempt.stage)) return;
      journal.saveAttempt({ ...attempt, graceMonotonicMs: graceSince(attempt) + lostMs });
    },
  };
}

/** Stages that the grace period bounds. */
function isTimed(stage: Stage): boolean {
  return onTrial.has(stage) || stage === "restore";
}

function limitsOf({ stage }: Attempt): typeof patient {
  if (stage === "hold") return asking;
  return isPressing(stage) ? pressing : patient;
}

function heldSince({ heldSinceMonotonicMs }: Attempt, nowMs: number): Partial<Attempt> {
  return { heldSinceMonotonicMs: heldSinceMonotonicMs ?? nowMs };
}

/** Something that should serve does not. */
function isPressing(stage: Stage): boolean {
  return !preparing.has(stage) && stage !== "swap";
}

function movedTo(attempt: Attempt, stage: Stage, nowMs: number): Attempt {
  const { retryMonotonicMs: _, retryAt: _at, graceMonotonicMs: _grace, ...untimed } = attempt;
  const { heldSinceMonotonicMs: _held, failure, ...rest } = untimed;
  // Start and probe share one grace period, counted from the swap.
  const shared = attempt.stage === "start" && stage === "probe";
  return {
    ...rest,
    stage,
    tries: 0,
    stageMonotonicMs: nowMs,
    ...(shared ? { graceMonotonicMs: graceSince(attempt) } : {}),
    ...(isWayBack(stage) && failure !== undefined ? { failure } : {}),
  };
}

/** Timers of another boot mean nothing in this one. Those of this boot hold, but for the grace period. */
function resumedAt(attempt: Attempt, bootId: string, nowMs: number): Attempt {
  const { retryMonotonicMs: _, retryAt: _at, heldSinceMonotonicMs: _held, ...untimed } = attempt;
  const anew = { ...untimed, bootId, startedMonotonicMs: nowMs, stageMonotonicMs: nowMs };
  const resumed = attempt.bootId === bootId ? attempt : anew;
  return {
    ...resumed,
    ...(isTimed(attempt.stage) ? { graceMonotonicMs: nowMs } : {}),
    ...(onTrial.has(attempt.stage) ? { interruptions: (attempt.interruptions ?? 0) + 1 } : {}),
  };
}

/** The way back carries the reason for which it is taken, whatever goes wrong on it. */
function firstReason({ stage, failure }: Attempt, latest: FailureReport): FailureReport {
  return isWayBack(stage) ? (failure ?? latest) : latest;
}

function isWayBack(stage: Stage): boolean {
  return stage === "rollBack" || stage === "restore";
}

/** Once per reason, not once per try. */
function tellDelay(journal: Journal, attempt: Attempt, { code, message }: FailureReport): void {
  if (attempt.failure?.code === code || code === "interrupted") return;
  const { app, stage } = attempt;
  const text = `${stage} of ${app} is tried again: ${message}`;
  const body = { type: "Warning", reason: "UpdateDelayed", message: text };
  journal.append({ kind: "event", app, body });
}

/** The one that failed just now stays, whatever a clock that was never set says of its age: it is wanted, and
 *  would be tried again at once. */
function thinQuarantine(journal: Journal, { app, to }: Attempt): void {
  const oldestFirst = journal
    .quarantined()
    .filter((one) => one.app === app && one.revision !== to)
    .sort((a, b) => a.failure.at - b.failure.at);
  for (const { revision } of oldestFirst.slice(0, 1 - maxQuarantined)) {
    journal.release(app, revision);
  }
}
