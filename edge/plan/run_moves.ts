// What becomes of a run by each action: its next state, and the entries that go into the journal with it.
import { delayMs } from "#shared/backoff.ts";
import type { EntryKind } from "#shared/journal.ts";
import type { RunEndedBody, RunStepEndedBody, RunStepStartedBody } from "#shared/run.ts";
import {
  presentStep,
  type RunAction,
  type RunFailure,
  type RunMarks,
  type RunState,
  type RunTry,
} from "./run.ts";

export interface RunMove {
  state: RunState;
  entries: { kind: EntryKind; body: Record<string, unknown> }[];
}

export interface RunMoment {
  /** Unix ms. */
  at: number;
  bootId: string;
  nowMs: number;
  /** Uniform in [0, 1). */
  random: number;
}

/** Actions that change what is kept. */
export type RunChange = Exclude<RunAction, { do: "rest" | "wait" | "act" }>;

const pause = { baseMs: 1000, maxMs: 30_000 };
const longestMessage = 2000;

/** Pure. @param state absent before the first run */
export function moveRun(state: RunState | undefined, action: RunChange, now: RunMoment): RunMove {
  if (action.do === "begin") return begun(action.order, now);
  if (state === undefined) throw new TypeError(`${action.do} without a run`);
  switch (action.do) {
    case "startStep":
      return started(state, now);
    case "takeUp":
      return { state: takenUp(state, now), entries: [] };
    case "endStep":
      return stepEnded(state, action.failure, now);
    default:
      return ended(state, action, now);
  }
}

/** The step has reached something within its try. Pure. */
export function markedRun(state: RunState, marks: RunMarks): RunState {
  const { trying } = state;
  if (trying === undefined) return state;
  return { ...state, trying: { ...trying, marks: { ...trying.marks, ...marks } } };
}

function begun(order: RunState["order"], { at }: RunMoment): RunMove {
  const { id: run, request, plan } = order;
  const state = { order, startedAt: at, index: 0, failed: 0 };
  return { state, entries: [{ kind: "run.started", body: { run, request, plan } }] };
}

function started(state: RunState, { at, bootId, nowMs }: RunMoment): RunMove {
  const { retry: _, ...rest } = state;
  const trying: RunTry = {
    ...{ begunIn: state.begunIn ?? bootId, startedAt: at, bootId, sinceMs: nowMs },
    ...{ interruptions: 0, marks: {} },
  };
  const body: RunStepStartedBody = stepBody(state);
  return { state: { ...rest, trying }, entries: [{ kind: "run.step.started", body }] };
}

/** The clock of another boot tells nothing, so the time begins anew; in the same boot it goes on. */
function takenUp(state: RunState, { bootId, nowMs }: RunMoment): RunState {
  const { trying } = state;
  if (trying === undefined) return state;
  const timer = trying.bootId === bootId ? {} : { bootId, sinceMs: nowMs };
  const interruptions = trying.interruptions + 1;
  return { ...state, trying: { ...trying, ...timer, interruptions } };
}

function stepEnded(state: RunState, failure: RunFailure | undefined, now: RunMoment): RunMove {
  const body = stepEndedBody(state, failure, now);
  const { trying, failure: _last, begunIn: _begun, ...rest } = state;
  const entries: RunMove["entries"] = [{ kind: "run.step.ended", body }];
  if (failure === undefined) {
    return { state: { ...rest, index: state.index + 1, failed: 0 }, entries };
  }
  const notBeforeMs = now.nowMs + delayMs(state.failed, now.random, pause);
  const retry = { bootId: now.bootId, notBeforeMs };
  const begun = trying === undefined ? {} : { begunIn: trying.begunIn };
  return { state: { ...rest, ...begun, failed: state.failed + 1, failure, retry }, entries };
}

function ended(
  state: RunState,
  { outcome, failure }: Extract<RunAction, { do: "end" }>,
  now: RunMoment,
): RunMove {
  const isOpen = state.trying !== undefined;
  const last = isOpen ? stepEndedBody(state, failure, now) : undefined;
  const { trying: _, retry: _retry, ...rest } = state;
  const because = failure === undefined ? {} : { failure: cut(failure) };
  const body: RunEndedBody = {
    run: state.order.id,
    outcome,
    durationMs: Math.max(0, now.at - state.startedAt),
    ...(failure === undefined ? {} : { index: state.index, ...cut(failure) }),
  };
  return {
    state: { ...rest, ended: { outcome, at: now.at, ...because } },
    entries: [
      ...(last === undefined ? [] : [{ kind: "run.step.ended" as const, body: last }]),
      { kind: "run.ended", body },
    ],
  };
}

function stepBody(state: RunState): RunStepStartedBody {
  const { order, index, failed } = state;
  return { run: order.id, index, kind: presentStep(state)?.kind ?? "", attempt: failed + 1 };
}

function stepEndedBody(
  state: RunState,
  failure: RunFailure | undefined,
  { at, bootId, nowMs }: RunMoment,
): RunStepEndedBody {
  const { trying } = state;
  const isSameBoot = trying?.begunIn === bootId && trying.bootId === bootId;
  // Over a reboot only the wall clock tells, and it may have been set back.
  const durationMs = isSameBoot ? nowMs - trying.sinceMs : at - (trying?.startedAt ?? at);
  return {
    ...stepBody(state),
    ok: failure === undefined,
    durationMs: Math.max(0, Math.round(durationMs)),
    ...(failure === undefined ? {} : cut(failure)),
  };
}

function cut({ code, message }: RunFailure): RunFailure {
  return { code, message: message.slice(0, longestMessage).toWellFormed() };
}
