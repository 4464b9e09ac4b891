// The loop: observe, plan, do one step of each app, observe again, report.
import type { OpenRunOutput } from "#edge/logs/sources.ts";
import type { Attempt } from "#edge/plan/attempt.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { isOfAttempt, plan } from "#edge/plan/plan.ts";
import { withoutCopies } from "#edge/plan/resting.ts";
import { changing, renderSteps, type Step, type StepKind } from "#edge/plan/step.ts";
import { createRunner } from "#edge/run/runner.ts";
import type { Beat } from "#shared/beat.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import type { Cause, ReportedState } from "#shared/reported.ts";
import { createTryAgain } from "./again.ts";
import { createAsks } from "./asks.ts";
import { createAttempts, failureReport } from "./attempts.ts";
import { createBeats } from "./beat.ts";
import { createExecutors, type Effect } from "./executors.ts";
import { createGatherer, type Observation } from "./gather.ts";
import { createHandOver } from "./hand_over.ts";
import { createMeasure } from "./measure.ts";
import { createMemory } from "./memory.ts";
import type { AgentParts, Resolved } from "./parts.ts";
import { pauseMs } from "./pause.ts";
import { createProber } from "./prober.ts";
import { createRepairs } from "./repairs.ts";
import { createReporter } from "./reporting.ts";
import { restartService } from "./restart.ts";
import { createRestarts } from "./restarts.ts";
import { createSafety } from "./safety.ts";
import { seenBy } from "./seen.ts";
import { createTasks } from "./tasks.ts";
import { createTurns } from "./turns.ts";
import { createWaker } from "./waker.ts";
import { stepLimitMs } from "./watchdog/limits.ts";

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
  /** Why the device as a whole is not converged; [] when it is. */
  why(): Cause[];
  /** Tries again what failed: of one app, or of all, and then safe mode ends as well. */
  retry(app?: AppName): void;
  /** @param by who asked, in words
   *  @throws FleetError not_found, runtime_unavailable */
  restartService(app: AppName, service: string, by?: string): Promise<void>;
  /** What the latest run says, live. */
  runOutput: OpenRunOutput;
  /** By hand. What else holds the device in safe mode keeps it there. */
  safeMode: { enter(reason: string): void; leave(): void };
}

export function createAgent(parts: AgentParts): Agent {
  const { clock, journal, log, metrics, watch } = parts;
  const waker = createWaker({ ...clock, sleep: watch.sleep });
  const memory = createMemory();
  const tasks = createTasks(waker.wake);
  const attempts = createAttempts({
    journal,
    clock,
    random: parts.random,
    onClosed: (attempt, outcome) => {
      const { app, to, failure } = attempt;
      safety.attemptEnded();
      metrics.countUpdate(outcome);
      log.info({ app, revision: to.slice(0, 12), outcome, why: failure?.message }, "update ended");
    },
  });
  const repairs = createRepairs({ journal, clock });
  const restarts = createRestarts({ journal, clock });
  const tryAgain = createTryAgain({ journal, repairs });
  const safety = createSafety({ parts, tryAgain, onRest: repairs.forget });
  const runner = createRunner({ parts, onChange: waker.wake });
  const gatherer = createGatherer({ parts, memory, attempts, repairs, safety, runner });
  const reporter = createReporter({ parts, memory, gatherer, repairs, safety, runner });
  const prober = createProber({ parts, memory, gatherer, onChange: waker.wake });
  const handOver = createHandOver(parts);
  const executors = createExecutors({ parts, attempts, memory, tasks, prober, handOver });
  const measure = createMeasure(parts);
  const turns = createTurns<Effect>(waker.wake);
  const asks = createAsks(waker.wake);
  const beat = createBeats({ parts, latest: reporter.latest, host: prober.host });

  const openOf = (app: AppName): Attempt | undefined =>
    journal.openAttempts().find((attempt) => attempt.app === app);

  const perform = async (step: Step, input: AppInput, seen: Observation): Promise<Effect> => {
    const inUse = new Set(seen.instances.map(({ release }) => release));
    const resolve = async (revision: string): Promise<Resolved> => {
      const resolved = await gatherer.resolve(input.app, revision as never);
      // What starts nothing takes nobody's port.
      const rests = step.kind === "check" && input.resting !== undefined;
      return rests ? { ...resolved, app: withoutCopies(resolved.app) } : resolved;
    };
    const execute = executors[step.kind] as (step: Step, context: object) => Promise<Effect>;
    const effect = await execute(step, { input, resolve, inUse });
    if (effect !== "idle") metrics.countStep(step.kind, "ok");
    // The repairs of one release say nothing about those of another.
    if (movesLink.has(step.kind)) repairs.forget(input.app);
    const after = openOf(input.app);
    if (effect === "passed" && after !== undefined && endsStage(step, after)) attempts.pass(after);
    return effect;
  };

  /** The same step twice has changed nothing the first time: no cause to hurry, and a repair waits. */
  const weigh = (step: Step, input: AppInput, effect: Effect): Effect => {
    if (effect === "idle") return effect;
    const known = memory.of(input.app);
    const text = renderSteps([step]);
    const isRepeated = known.lastStep === text;
    known.lastStep = text;
    if (!isRepeated) return effect;
    if (!isOfAttempt(step, input) && changing.has(step.kind)) {
      const message = `"${text}" did not last`;
      repairs.failed(step, { code: "start_failed", message, at: clock.now() });
    }
    return "idle";
  };

  /** A failure belongs to the stage of the attempt, or else to the repair of what runs. */
  const stumbled = (step: Step, input: AppInput, error: FleetError): void => {
    metrics.countStep(step.kind, error.code);
    const { app } = input;
    log.warn({ app, step: step.kind, code: error.code, why: error.sentence }, "step failed");
    const attempt = openOf(app);
    if (attempt !== undefined && isOfAttempt(step, input)) attempts.stumble(attempt, error);
    else repairs.failed(step, failureReport(error, clock.now()));
  };

  const act = async (step: Step, input: AppInput, seen: Observation): Promise<Effect> => {
    try {
      return weigh(step, input, await perform(step, input, seen));
    } catch (error) {
      stumbled(step, input, asFleetError(error));
      return "idle";
    }
  };

  /** It may go on beside the loop, where nobody would catch what it throws. */
  const actSafely = (step: Step, input: AppInput, seen: Observation): Promise<Effect> =>
    act(step, input, seen).catch((error: unknown) => {
      const { code, sentence } = asFleetError(error);
      log.error({ app: input.app, step: step.kind, code, why: sentence }, "failure not journalled");
      return "idle";
    });

  const actOnce = async (
    input: AppInput,
    steps: readonly Step[],
    seen: Observation,
  ): Promise<Effect> => {
    const [first] = steps;
    if (first === undefined) memory.of(input.app).lastStep = undefined;
    if (first === undefined || first.kind === "wait") return "idle";
    const act = () =>
      watch.during(`${first.kind} of ${first.app}`, stepLimitMs(first, input), () =>
        actSafely(first, input, seen),
      );
    return (await turns.take(input.app, act)) ?? "idle";
  };

  const startAsked = async (): Promise<void> => {
    const work = asks.take(turns.busy()).map(({ app, act }) =>
      turns.take(app, async () => {
        await act();
        return "acted";
      }),
    );
    await Promise.all(work);
  };

  /** What cannot be journalled now, as on a full disk, keeps the agent neither from its work nor from its end. */
  const journalOrWarn = (what: string, write: () => void): void => {
    try {
      write();
    } catch (error) {
      const { code, sentence } = asFleetError(error);
      log.warn({ code, why: sentence }, `${what} could not be journalled`);
    }
  };

  const round = async (): Promise<number> => {
    const began = clock.monotonicMs();
    await safety.decide();
    await startAsked();
    const busy = turns.busy();
    watch.enter("look after the disk");
    await parts.care?.round();
    watch.enter("observe");
    const lookedMs = clock.monotonicMs();
    const seen = await gatherer.observe();
    await handOver.refresh(seen);
    journalOrWarn("restarts", () => restarts.note(seen));
    watch.enter("plan and report");
    const steps = new Map<AppName, Step[]>(seen.apps.map((input) => [input.app, plan(input)]));
    const free = seen.apps.filter(({ app }) => !busy.has(app));
    for (const input of free) repairs.note(input, steps.get(input.app) ?? []);
    const reported = await reporter.report(seen, steps);
    runner.observed(seenBy(seen, reported, lookedMs));
    const isUrgent = safety.weigh(seen.apps, reported);
    const effects = await Promise.all(
      free.map((input) => actOnce(input, steps.get(input.app) ?? [], seen)),
    );
    parts.sync.journalGrew();
    watch.enter("probe and measure");
    await prober.refresh(seen);
    measure(reported);
    metrics.observeLoop(clock.monotonicMs() - began);
    watch.good();
    safety.ended("well");
    if (isUrgent || effects.some((effect) => effect !== "idle")) return 0;
    return Math.min(
      safety.soonMs(),
      runner.soonMs(),
      pauseMs(free, steps, parts.settings().intervalMs),
    );
  };

  let running: Promise<void> | undefined;
  let lastRoundMs: number | undefined;

  const tellLife = (kind: "agent.started" | "agent.stopped", body: Record<string, unknown>) =>
    journalOrWarn(kind, () => journal.append({ kind, body }));

  const loop = async (): Promise<void> => {
    repairs.begin();
    safety.begin();
    runner.start();
    tellLife("agent.started", { version: parts.agentVersion });
    while (!waker.stopped()) {
      const pauseMs = await round().catch((error: unknown) => {
        watch.failed();
        const { code, sentence } = asFleetError(error);
        log.error({ code, why: sentence, error }, "round failed");
        safety.ended("badly");
        return parts.settings().intervalMs;
      });
      lastRoundMs = clock.monotonicMs();
      await waker.sleep(pauseMs);
    }
    safety.stopped();
    tellLife("agent.stopped", {});
  };

  return {
    start: () => {
      parts.sync.onChange(waker.wake);
      parts.sync.onAsked(() => {
        reporter.tellAgain();
        waker.wake();
      });
      parts.sync.onChange(runner.wake);
      for (const one of [...parts.runtimes, parts.forwarder]) one.onChange(waker.wake);
      running ??= loop();
    },
    stop: async () => {
      waker.stop();
      await tasks.stop();
      await running;
      await runner.stop();
      await turns.settled();
    },
    wake: waker.wake,
    why: reporter.why,
    retry: (app) => {
      const again = (): void => tryAgain(journal.desired(), app);
      if (app === undefined) safety.order({ kind: "again" });
      else void asks.add(app, async () => journalOrWarn("a new try", again));
      waker.wake();
    },
    restartService: (app, service, by = "someone at the device") =>
      asks.add(app, () => restartService(parts, memory, { app, service, by })),
    safeMode: {
      enter: (reason) => {
        safety.order({ kind: "enter", reason });
        waker.wake();
      },
      leave: () => {
        safety.order({ kind: "leave" });
        waker.wake();
      },
    },
    runOutput: runner.output,
    reported: reporter.latest,
    lastRoundMs: () => lastRoundMs,
    beat,
  };
}

function endsStage(step: Step, attempt: Attempt): boolean {
  return step.kind === "advance" ? step.stage === attempt.stage : step.kind === attempt.stage;
}

const movesLink: ReadonlySet<StepKind> = new Set<StepKind>(["swap", "rollBack", "abandon"]);
