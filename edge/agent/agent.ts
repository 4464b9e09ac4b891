// The loop: observe, plan, do one step of each app, observe again, report.
import type { Attempt } from "#edge/plan/attempt.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { plan } from "#edge/plan/plan.ts";
import { changing, renderSteps, type Step } from "#edge/plan/step.ts";
import { delayMs } from "#shared/backoff.ts";
import type { Beat } from "#shared/beat.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { ReportedState } from "#shared/reported.ts";
import { createAttempts, failureReport } from "./attempts.ts";
import { createExecutors, type Effect } from "./executors.ts";
import { createGatherer, type Observation } from "./gather.ts";
import { createMeasure } from "./measure.ts";
import { createMemory } from "./memory.ts";
import type { AgentParts } from "./parts.ts";
import { createProber } from "./prober.ts";
import { createReporter } from "./reporting.ts";
import { createTasks } from "./tasks.ts";
import { createWaker } from "./waker.ts";

/** Between rounds while an update is under way or something is waited for. */
const busyMs = 300;
const healLimits = { baseMs: 2000, maxMs: 300_000 };

export interface Agent {
  start(): void;
  /** Ends the loop at the next step's boundary; what runs goes on running. */
  stop(): Promise<void>;
  /** Looks at once instead of at the end of the interval. */
  wake(): void;
  reported(): ReportedState | undefined;
  /** Ms since boot at which the last round ended. */
  lastRoundMs(): number | undefined;
  beat(): Beat;
}

export function createAgent(parts: AgentParts): Agent {
  const { clock, journal, log, metrics } = parts;
  const waker = createWaker(clock);
  const memory = createMemory();
  const tasks = createTasks(waker.wake);
  const attempts = createAttempts({
    journal,
    clock,
    random: parts.random,
    onClosed: (attempt, outcome) => {
      const { app, to, failure } = attempt;
      metrics.countUpdate(outcome);
      log.info({ app, revision: to.slice(0, 12), outcome, why: failure?.message }, "update ended");
    },
  });
  const currentTimers = (attempt: Attempt): Attempt =>
    attempt.bootId === journal.bootId ? attempt : attempts.restartTimers(attempt, journal.bootId);
  const gatherer = createGatherer({ parts, memory, current: currentTimers });
  const reporter = createReporter(parts, memory, gatherer);
  const executors = createExecutors({ parts, attempts, memory, tasks });
  const measure = createMeasure(parts);
  const prober = createProber({ parts, memory, gatherer, onChange: waker.wake });

  const perform = async (step: Step, input: AppInput, seen: Observation): Promise<Effect> => {
    const inUse = new Set(seen.instances.map(({ release }) => release));
    const resolve = (revision: string) => gatherer.resolve(input.app, revision as never);
    const execute = executors[step.kind] as (step: Step, context: object) => Promise<Effect>;
    const effect = await execute(step, { input, resolve, inUse });
    if (effect !== "idle") metrics.countStep(step.kind, "ok");
    const after = journal.openAttempts().find(({ app }) => app === input.app);
    if (effect === "passed" && after !== undefined && endsStage(step, after)) {
      memory.of(input.app).progress = undefined;
      attempts.pass(after);
    }
    return effect;
  };

  /** A failure belongs to the stage of the attempt, or else to the repair of what runs. */
  const stumbled = (step: Step, input: AppInput, error: FleetError): void => {
    metrics.countStep(step.kind, error.code);
    const { app, attempt } = input;
    log.warn({ app, step: step.kind, code: error.code, why: error.sentence }, "step failed");
    const ofAttempt = attempt !== undefined && attempt.stage !== "restore" && isOf(step, attempt);
    if (ofAttempt) {
      attempts.stumble(attempt, error);
      return;
    }
    const known = memory.of(app);
    const tries = (known.heal?.tries ?? 0) + 1;
    const notBeforeMs = clock.monotonicMs() + delayMs(tries, parts.random(), healLimits);
    known.heal = { tries, notBeforeMs, failure: failureReport(error, clock.now()) };
  };

  const act = async (step: Step, input: AppInput, seen: Observation): Promise<Effect> => {
    try {
      return await perform(step, input, seen);
    } catch (error) {
      stumbled(step, input, asFleetError(error));
      return "idle";
    }
  };

  /** Journals a departure from the current release once when it is found and once when it is mended. */
  const noteDrift = (input: AppInput, steps: readonly Step[]): void => {
    const known = memory.of(input.app);
    if (input.attempt !== undefined || input.blind || input.target === undefined) return;
    const drifted = steps.some(({ kind }) => changing.has(kind));
    if (drifted && !known.drifting) {
      const body = { type: "Warning", reason: "DriftFound", message: renderSteps(steps) };
      journal.append({ kind: "drift.found", app: input.app, body });
      known.drifting = true;
    }
    if (steps.length > 0) return;
    if (known.drifting) {
      const body = { type: "Normal", reason: "DriftRepaired", message: "as the release wants it" };
      journal.append({ kind: "drift.repaired", app: input.app, body });
    }
    known.drifting = false;
    known.heal = undefined;
  };

  const round = async (): Promise<number> => {
    const began = clock.monotonicMs();
    const seen = await gatherer.observe();
    const steps = new Map<AppName, Step[]>(seen.apps.map((input) => [input.app, plan(input)]));
    for (const input of seen.apps) noteDrift(input, steps.get(input.app) ?? []);
    const reported = await reporter.report(seen, steps);
    const effects = await Promise.all(
      seen.apps.map(async (input) => {
        const [first] = steps.get(input.app) ?? [];
        return first === undefined ? "idle" : act(first, input, seen);
      }),
    );
    parts.sync.journalGrew();
    await prober.refresh(seen);
    measure(reported);
    metrics.observeLoop(clock.monotonicMs() - began);
    if (effects.some((effect) => effect !== "idle")) return 0;
    const busy = [...steps.values()].some((list) => list.length > 0);
    return busy ? busyMs : parts.settings().intervalMs;
  };

  let running: Promise<void> | undefined;
  let lastRoundMs: number | undefined;

  const loop = async (): Promise<void> => {
    journal.append({ kind: "agent.started", body: { version: parts.agentVersion } });
    while (!waker.stopped()) {
      const pauseMs = await round().catch((error: unknown) => {
        const { code, sentence } = asFleetError(error);
        log.error({ code, why: sentence, error }, "round failed");
        return parts.settings().intervalMs;
      });
      lastRoundMs = clock.monotonicMs();
      await waker.sleep(pauseMs);
    }
    journal.append({ kind: "agent.stopped", body: {} });
  };

  return {
    start: () => {
      parts.sync.onChange(waker.wake);
      for (const runtime of parts.runtimes) runtime.onChange(waker.wake);
      running ??= loop();
    },
    stop: async () => {
      waker.stop();
      await tasks.stop();
      await running;
    },
    wake: waker.wake,
    reported: reporter.latest,
    lastRoundMs: () => lastRoundMs,
    beat: () => {
      const latest = reporter.latest();
      const host = prober.host();
      return {
        bootId: journal.bootId,
        generation: latest?.observedGeneration ?? 0,
        specHash: latest?.specHash ?? "",
        at: clock.now(),
        heartbeatMs: parts.settings().heartbeatMs,
        ...(host === undefined ? {} : { host }),
      };
    },
  };
}

function endsStage(step: Step, attempt: Attempt): boolean {
  return step.kind === "advance" ? step.stage === attempt.stage : step.kind === attempt.stage;
}

/** Whether the step is the attempt's own, and not a repair that goes on beside it. */
function isOf(step: Step, attempt: Attempt): boolean {
  if (step.kind === "start" || step.kind === "remove") {
    return attempt.stage === "start" || attempt.stage === "probe";
  }
  return true;
}
