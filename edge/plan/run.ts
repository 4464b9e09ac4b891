// The machine of a run: from what the journal keeps of it and what is so now to the next thing to do.
import type { RunStep } from "#shared/plan.ts";
import type { RunOrder, RunOutcome } from "#shared/run.ts";

/** Why a try, or the run, did not go well. */
export interface RunFailure {
  code: string;
  message: string;
}

/** What a step has reached within its try; a later process goes on from it. */
export interface RunMarks {
  /** drain: every app has let go. */
  letGo?: true;
  /** configureNetwork: the hub's acknowledgement of this journal entry proves the new settings. */
  provedBy?: number;
}

/** One try of the present step, from its journalled start to its journalled end. */
export interface RunTry {
  /** The boot in which the step began, with its first try. */
  begunIn: string;
  /** Unix ms. */
  startedAt: number;
  /** The boot whose clock `sinceMs` counts by; time in which nobody looked is not counted. */
  bootId: string;
  sinceMs: number;
  /** How often a process found the try under way that it had not begun. */
  interruptions: number;
  marks: RunMarks;
}

/** The latest run, open or ended. */
export interface RunState {
  order: RunOrder;
  /** Unix ms. */
  startedAt: number;
  /** The present step, or the number of steps once all went well. */
  index: number;
  /** Tries of the present step that failed. */
  failed: number;
  failure?: RunFailure;
  /** The boot in which the present step began; absent before its first try has failed. */
  begunIn?: string;
  /** The next try not before this, ms since the boot named. */
  retry?: { bootId: string; notBeforeMs: number };
  /** Absent between two tries. */
  trying?: RunTry;
  ended?: { outcome: RunOutcome; at: number; failure?: RunFailure };
}

export interface RunFacts {
  /** Of the newest desired state. */
  order: RunOrder | undefined;
  bootId: string;
  /** Ms since boot. */
  nowMs: number;
  /** This process began the try, or has taken it up. */
  isTakenUp: boolean;
  /** What the step's executor said last; absent before it was asked. */
  verdict?: { is: "acting" } | { is: "done" } | { is: "failed"; failure: RunFailure };
}

export type RunAction =
  | { do: "rest" }
  | { do: "begin"; order: RunOrder }
  /** The next try is not due. */
  | { do: "wait" }
  | { do: "startStep" }
  /** The try was begun by an earlier process. */
  | { do: "takeUp" }
  /** The step's executor is asked to go on. */
  | { do: "act" }
  /** With a failure the executor is first told to stop. */
  | { do: "endStep"; failure?: RunFailure }
  /** Likewise when a step is under way. */
  | { do: "end"; outcome: RunOutcome; failure?: RunFailure };

/** A step that takes the agent or the device down with it so often has failed. */
const maxInterruptions = 5;

/** The next thing to do about runs. Pure.
 *  @see docs/architecture.md, "Runs" */
export function advanceRun(state: RunState | undefined, facts: RunFacts): RunAction {
  const { order } = facts;
  if (state === undefined || state.ended !== undefined) {
    return order === undefined || order.id === state?.order.id
      ? { do: "rest" }
      : { do: "begin", order };
  }
  const cancelled = cancellation(state, order);
  if (cancelled !== undefined) return { do: "end", outcome: "cancelled", failure: cancelled };
  return state.trying === undefined ? between(state, facts) : within(state, state.trying, facts);
}

export function presentStep({ order, index }: RunState): RunStep | undefined {
  return order.steps[index];
}

function cancellation(state: RunState, order: RunOrder | undefined): RunFailure | undefined {
  const code = "interrupted";
  if (order === undefined) return { code, message: "the fleet does not ask for it any more" };
  if (order.id !== state.order.id) return { code, message: `run ${order.id} takes its place` };
  return order.cancel === true ? { code, message: "it was cancelled" } : undefined;
}

function between(state: RunState, { bootId, nowMs }: RunFacts): RunAction {
  const step = presentStep(state);
  if (step === undefined) return { do: "end", outcome: "succeeded" };
  const { failed, failure, retry } = state;
  if (failed > step.retries) {
    return { do: "end", outcome: "failed", ...(failure === undefined ? {} : { failure }) };
  }
  const waits = retry?.bootId === bootId && nowMs < retry.notBeforeMs;
  return waits ? { do: "wait" } : { do: "startStep" };
}

function within(state: RunState, trying: RunTry, facts: RunFacts): RunAction {
  const { verdict, isTakenUp, nowMs } = facts;
  if (verdict?.is === "done") return { do: "endStep" };
  if (verdict?.is === "failed") return { do: "endStep", failure: verdict.failure };
  if (!isTakenUp) return { do: "takeUp" };
  const step = presentStep(state);
  if (trying.interruptions > maxInterruptions) {
    const message = `the agent has ended ${trying.interruptions} times while ${step?.kind} was under way`;
    return { do: "endStep", failure: { code: "interrupted", message } };
  }
  const timeoutMs = step?.timeoutMs ?? 0;
  // Asked at least once, since what it waits for may have come while nobody looked.
  if (nowMs - trying.sinceMs < timeoutMs || verdict === undefined) return { do: "act" };
  const message = `${step?.kind} was not done within ${timeoutMs / 1000} s`;
  return { do: "endStep", failure: { code: "step_timeout", message } };
}
