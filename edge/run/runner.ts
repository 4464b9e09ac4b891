// Carries runs out: the machine says what is next, the executors do it, and the journal has it before and after.

import type { AgentParts } from "#edge/agent/parts.ts";
import { createTasks } from "#edge/agent/tasks.ts";
import type { OpenRunOutput } from "#edge/logs/sources.ts";
import {
  advanceRun,
  presentStep,
  type RunAction,
  type RunFacts,
  type RunFailure,
  type RunState,
} from "#edge/plan/run.ts";
import { markedRun, moveRun, type RunChange } from "#edge/plan/run_moves.ts";
import { forcesApp, restsApp } from "#edge/plan/run_posture.ts";
import { runReport, whyRun } from "#edge/plan/run_words.ts";
import { createWake } from "#edge/sync/wake.ts";
import { asFleetError } from "#shared/errors.ts";
import { faultPoint } from "#shared/fault.ts";
import type { AppName } from "#shared/ids.ts";
import type { RunStep } from "#shared/plan.ts";
import type { Cause } from "#shared/reported.ts";
import { RunEndedBody, type RunId, type RunReport } from "#shared/run.ts";
import { createRunLive } from "./live.ts";
import { createRunOutput, type RunOutput } from "./output.ts";
import type { Executor, Seen, StepContext } from "./port.ts";
import { createRunSteps } from "./steps.ts";

/** How often the loop comes round while a step is under way, and the step is asked again. */
const tickMs = 1000;
/** More runs than a device can have had while its hub did not know. */
const rememberedEnds = 200;

export interface Runner {
  /** Takes up what an earlier process has left; the posture holds from now on. */
  start(): void;
  /** What is under way ends with the process; the run goes on in the next one. */
  stop(): Promise<void>;
  /** A desired state has come, or something else may have changed. */
  wake(): void;
  /** After each round of the loop. */
  observed(seen: Seen): void;
  /** The app is to run no copy now. */
  rests(app: AppName): boolean;
  /** The app is to be as desired at once, whatever holds it. */
  forces(app: AppName): boolean;
  /** The run under way, or the last one. */
  report(): RunReport | undefined;
  /** Present while one is under way. */
  why(): Cause | undefined;
  /** Ms within which the loop must come round: it is the run's only timer. */
  soonMs(): number;
  /** What the latest run says, live. */
  output: OpenRunOutput;
}

interface Parts {
  parts: AgentParts;
  /** Makes the loop look and report at once. */
  onChange(): void;
}

export function createRunner({ parts, onChange }: Parts): Runner {
  const { journal, clock, log, sync, machine } = parts;
  const stopping = new AbortController();
  const news = createWake();
  const tasks = createTasks(news.set);
  const executors = createRunSteps({ parts, tasks });
  const live = createRunLive();
  let state: RunState | undefined;
  let output: RunOutput | undefined;
  /** Since when this process looks after the present try, ms since boot. */
  let lookedSinceMs: number | undefined;
  let verdict: RunFacts["verdict"];
  let waiting: string | undefined;
  let seen: Seen | undefined;
  let running: Promise<void> | undefined;
  const known = new Map<RunId, boolean>();

  /** One that an earlier database entry says is over is over, whatever the hub has forgotten. */
  const hasEnded = (run: RunId): boolean => {
    const before = known.get(run);
    if (before !== undefined) return before;
    const ends = journal.entries({ kinds: ["run.ended"], limit: rememberedEnds });
    const found = ends.some(({ body }) => RunEndedBody.safeParse(body).data?.run === run);
    known.clear();
    known.set(run, found);
    return found;
  };

  const orderNow = (): RunFacts["order"] => {
    const order = journal.desired()?.run;
    if (order === undefined || order.id === state?.order.id) return order;
    return hasEnded(order.id) ? undefined : order;
  };

  const factsNow = (): RunFacts => ({
    order: orderNow(),
    bootId: journal.bootId,
    nowMs: clock.monotonicMs(),
    isTakenUp: lookedSinceMs !== undefined,
    ...(verdict === undefined ? {} : { verdict }),
  });

  const outputOf = (run: RunId): RunOutput => {
    output ??= createRunOutput({
      ...{ journal, clock, run },
      index: () => state?.index ?? 0,
      onLog: (body, at) => {
        live.write(body, at);
        sync.journalGrew();
      },
      onTrouble: (why) => log.warn({ run, why }, "a run's output could not be journalled"),
    });
    return output;
  };

  const contextOf = (step: RunStep, open: RunState): StepContext => {
    const { order, index, failed, trying } = open;
    if (trying === undefined) throw new TypeError("no try is under way");
    const sinceMs = lookedSinceMs ?? clock.monotonicMs();
    const { say, write } = outputOf(order.id);
    return {
      ...{ step, trying, run: order.id, key: `${order.id}-${index}-${failed + 1}` },
      ...{ bootId: journal.bootId, lookedSinceMs: sinceMs, say, onOutput: write },
      seen: seen !== undefined && seen.sinceMs > sinceMs ? seen : undefined,
      mark: (marks) => {
        const marked = markedRun(open, marks);
        journal.record("run", marked, []);
        state = marked;
        onChange();
      },
      waitsFor: (text) => {
        waiting = text;
      },
    };
  };

  /** Whatever an executor throws is the try's failure and never the agent's. */
  const act = async (open: RunState): Promise<RunFacts["verdict"]> => {
    const step = presentStep(open);
    if (step === undefined) return undefined;
    const executor = executors[step.kind] as Executor<RunStep>;
    try {
      return { is: await executor.act(contextOf(step, open)) };
    } catch (error) {
      return { is: "failed", failure: failureOf(error) };
    }
  };

  /** @returns whether nothing of the try is under way any more */
  const stopped = async (open: RunState): Promise<boolean> => {
    const step = presentStep(open);
    if (step === undefined || open.trying === undefined) return true;
    const executor = executors[step.kind] as Executor<RunStep>;
    return (await executor.stop?.(contextOf(step, open))) !== "acting";
  };

  const change = (action: RunChange): void => {
    const now = { at: Math.round(clock.now()), bootId: journal.bootId };
    const moment = { ...now, nowMs: clock.monotonicMs(), random: parts.random() };
    const move = moveRun(state, action, moment);
    journal.record("run", move.state, move.entries);
    state = move.state;
    verdict = undefined;
    waiting = undefined;
    const isOpen = action.do === "startStep" || action.do === "takeUp";
    lookedSinceMs = isOpen ? moment.nowMs : undefined;
    if (action.do === "begin") output = undefined;
    tell(action, state);
    sync.journalGrew();
    onChange();
  };

  const tell = (action: RunChange, { order, index, ended }: RunState): void => {
    const detail = { run: order.id, plan: order.plan, step: order.steps[index]?.kind };
    if (action.do === "takeUp") {
      outputOf(order.id).say("the agent has started again; the step goes on");
    }
    if (ended === undefined) log.info(detail, `run: ${action.do}`);
    else log.info({ ...detail, outcome: ended.outcome, why: ended.failure?.message }, "run ended");
  };

  const leave = async (action: Extract<RunAction, { do: "endStep" | "end" }>): Promise<Next> => {
    if (state === undefined) return "wait";
    if (action.failure !== undefined && !(await stopped(state))) return "wait";
    output?.flush();
    faultPoint(action.do === "end" ? "before:run.end" : `after:run.${kindOf(state)}`);
    change(action);
    if (action.do !== "end") return "goOn";
    live.end(state.order.id);
    faultPoint("after:run.end");
    await machine.tidy(undefined);
    return "goOn";
  };

  const turn = async (): Promise<Next> => {
    // Before the first desired state nobody has ended anything.
    if (journal.desired() === undefined) return "wait";
    // The next start would not know of it and do it again: a device could reboot for ever.
    if (journal.volatile !== undefined) {
      waiting = "a disk that keeps the journal";
      return "wait";
    }
    const action = advanceRun(state, factsNow());
    switch (action.do) {
      case "rest":
        // Settings that do not come back outlast their run, and the guard that tries may be killed.
        await machine.tidy(undefined);
        return "wait";
      case "wait":
        return "wait";
      case "act":
        verdict = state === undefined ? undefined : await act(state);
        return verdict?.is === "acting" ? "wait" : "goOn";
      case "endStep":
      case "end":
        return leave(action);
      default:
        change(action);
        if (action.do === "begin") faultPoint("after:run.begin");
        if (action.do === "startStep") faultPoint(`before:run.${kindOf(state)}`);
        return "goOn";
    }
  };

  const goOn = async (): Promise<void> => {
    while (!stopping.signal.aborted && (await turn()) === "goOn");
  };

  const loop = async (): Promise<void> => {
    const { signal } = stopping;
    await machine.tidy(state?.ended === undefined ? state?.order.id : undefined).catch(complain);
    news.set();
    while (!signal.aborted) {
      await news.wait(signal);
      await goOn().catch(complain);
    }
  };

  const complain = (error: unknown): void => {
    const { code, sentence } = asFleetError(error);
    log.error({ code, why: sentence }, "a run cannot go on for now");
  };

  return {
    start: () => {
      state = journal.recall("run");
      running ??= loop();
    },
    stop: async () => {
      stopping.abort();
      await tasks.stop();
      await running;
      output?.flush();
    },
    wake: news.set,
    observed: (now) => {
      seen = now;
      news.set();
    },
    rests: (app) => restsApp(state, app, journal.desired()?.run?.id),
    forces: (app) => forcesApp(state, app),
    report: () => (state === undefined ? undefined : runReport(state)),
    why: () => whyRun(state, waiting),
    output: live.open,
    soonMs: () => {
      if (state === undefined || state.ended !== undefined) return Number.POSITIVE_INFINITY;
      const waitMs = (state.retry?.notBeforeMs ?? 0) - clock.monotonicMs();
      // A try that is due begins by itself; when it cannot be journalled, haste does not help.
      return state.trying === undefined && waitMs > 0 ? Math.min(tickMs, waitMs) : tickMs;
    },
  };
}

/** `wait`: until something happens, or the loop has come round. */
type Next = "goOn" | "wait";

function kindOf(state: RunState | undefined): string {
  return (state === undefined ? undefined : presentStep(state)?.kind) ?? "end";
}

function failureOf(error: unknown): RunFailure {
  const { code, sentence } = asFleetError(error);
  return { code, message: sentence };
}
