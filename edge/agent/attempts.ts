// Moves attempts through the update machine and journals each stage: intent before, outcome after.
import type { Journal } from "#edge/journal/port.ts";
import { type Attempt, machine, type Outcome, type Stage } from "#edge/plan/attempt.ts";
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import type { FleetError } from "#shared/errors.ts";
import type { FailureReport } from "#shared/reported.ts";

/** Retries of a preparation may wait long: the old release serves. A start may not. */
const patient = { baseMs: 1000, maxMs: 300_000 };
const pressing = { baseMs: 500, maxMs: 5000 };

/** After so many corrupt transfers the content itself is taken to be wrong. */
const corruptTries = 5;

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
  /** Timers of another boot mean nothing in this one; nor does the time in which no runtime answered. */
  restartTimers(attempt: Attempt, bootId: string): Attempt;
}

export function failureReport(error: FleetError, at: number): FailureReport {
  const { code, sentence, hint } = error;
  return { code, message: sentence, ...(hint === undefined ? {} : { hint }), at };
}

export function createAttempts({ journal, clock, random, onClosed }: Parts): Attempts {
  const journalStage = (
    attempt: Attempt,
    kind: "step.started" | "step.finished",
    more = {},
  ): void => {
    journal.append({
      kind,
      app: attempt.app,
      body: { attempt: attempt.id, step: attempt.stage, ...more },
    });
  };

  const finishStage = (attempt: Attempt, ok: boolean, message?: string): void => {
    const durationMs = Math.round(clock.monotonicMs() - attempt.stageMonotonicMs);
    const why = message === undefined ? {} : { message };
    journalStage(attempt, "step.finished", { ok, durationMs, ...why });
  };

  const close = (attempt: Attempt, outcome: Outcome): void => {
    const quarantine = outcome === "refused" || outcome === "rolledBack";
    journal.closeAttempt(attempt, outcome, { quarantine });
    onClosed(attempt, outcome);
  };

  const enter = (attempt: Attempt, next: Stage | Outcome): void => {
    if (!(next in machine)) {
      close(attempt, next as Outcome);
      return;
    }
    const stage = next as Stage;
    // Start and probe share one grace period, counted from the swap.
    const sameTimer = attempt.stage === "start" && stage === "probe";
    const { retryMonotonicMs: _, failure, ...rest } = attempt;
    const moved: Attempt = {
      ...rest,
      stage,
      tries: 0,
      stageMonotonicMs: sameTimer ? attempt.stageMonotonicMs : clock.monotonicMs(),
      ...(keepsFailure(stage) && failure !== undefined ? { failure } : {}),
    };
    journal.saveAttempt(moved);
    journalStage(moved, "step.started");
  };

  const fail = (attempt: Attempt, failure: FailureReport): void => {
    finishStage(attempt, false, failure.message);
    enter({ ...attempt, failure }, machine[attempt.stage].fail);
  };

  return {
    open: (attempt) => {
      journal.saveAttempt(attempt);
      journalStage(attempt, "step.started");
    },
    pass: (attempt) => {
      finishStage(attempt, true);
      enter(attempt, machine[attempt.stage].ok);
    },
    fail,
    close,
    stumble: (attempt, error) => {
      const failure = failureReport(error, clock.now());
      const corrupt = error.code === "bundle_corrupt" || error.code === "image_corrupt";
      if (error.retry === "never" || (corrupt && attempt.tries >= corruptTries)) {
        return fail(attempt, failure);
      }
      const limits = machine[attempt.stage].ok === "probe" ? pressing : patient;
      const retryMonotonicMs = clock.monotonicMs() + delayMs(attempt.tries, random(), limits);
      const stage = machine[attempt.stage].again;
      journal.saveAttempt({
        ...attempt,
        stage,
        tries: attempt.tries + 1,
        failure,
        retryMonotonicMs,
      });
    },
    restartTimers: (attempt, bootId) => {
      const { retryMonotonicMs: _, ...rest } = attempt;
      const now = clock.monotonicMs();
      const renewed = { ...rest, bootId, startedMonotonicMs: now, stageMonotonicMs: now };
      journal.saveAttempt(renewed);
      return renewed;
    },
  };
}

/** The way back carries the reason for which it is taken. */
function keepsFailure(stage: Stage): boolean {
  return stage === "rollBack" || stage === "restore";
}
