// One executor for each kind of step: does it and says whether the stage behind it is over.
import type { Attempt } from "#edge/plan/attempt.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { isOfAttempt } from "#edge/plan/plan.ts";
import type { Step } from "#edge/plan/step.ts";
import type { ReleaseStore } from "#edge/release/port.ts";
import type { AppSpec } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import type { Attempts } from "./attempts.ts";
import { pullImages, removeInOrder, startsAtOnce, startTogether } from "./copies.ts";
import type { HandOver } from "./hand_over.ts";
import { createLine, type Line } from "./line.ts";
import type { Memory } from "./memory.ts";
import type { AgentParts, Resolved } from "./parts.ts";
import type { Prober } from "./prober.ts";
import { settledWithin, type Tasks } from "./tasks.ts";

/** How long a step waits for a round of probes before the loop goes on without its result. */
const probePatienceMs = 250;

/** `acted`: something changed, look again. `passed`: the attempt's stage is over too. `idle`: nothing
 *  changed yet, look again later. */
export type Effect = "acted" | "passed" | "idle";

export interface StepContext {
  input: AppInput;
  /** The revision that the step is about, read from the disk. */
  resolve(revision: string): Promise<Resolved>;
  /** Digests that running instances have files of. */
  inUse: ReadonlySet<string>;
}

type Executors = {
  [K in Step["kind"]]: (step: Extract<Step, { kind: K }>, context: StepContext) => Promise<Effect>;
};

interface Parts {
  parts: AgentParts;
  attempts: Attempts;
  memory: Memory;
  tasks: Tasks;
  prober: Prober;
  handOver: HandOver;
}

export function createExecutors(given: Parts): Executors {
  const { parts, attempts, memory, tasks, prober, handOver } = given;
  const { journal } = parts;
  const line = createLine();
  const releases = inTurn(parts.releases, line);

  return {
    begin: async (step, { input }) => {
      attempts.open(newAttempt(parts, step, specOf(input)));
      return "acted";
    },
    fetch: async (_, { input }) => {
      const attempt = attemptOf(input);
      const { release } = specOf(input);
      if (await releases.isStaged(input.app, attempt.to)) return "passed";
      if (await releases.hasBundle(release.digest)) return "passed";
      const onProgress = progressOf(memory, attempt);
      // Two apps of one role share the bundle, and an aborted download may still be letting go of it.
      return inBackground(tasks, attempt, (signal) =>
        line(release.digest, () => releases.fetch(release, { signal, onProgress })),
      );
    },
    verify: async (_, { input }) => {
      const { release } = specOf(input);
      if (await releases.isStaged(input.app, attemptOf(input).to)) return "passed";
      if (!(await releases.hasBundle(release.digest))) await releases.verify(release);
      return "passed";
    },
    stage: async (_, { input }) => {
      await releases.stage(specOf(input));
      return "passed";
    },
    validate: async (step, { input, resolve }) => {
      const { staged } = await resolve(step.revision);
      return inBackground(tasks, attemptOf(input), (signal) =>
        parts.runValidateHook(staged, { signal }),
      );
    },
    pull: async (step, { input, resolve }) => {
      const { app } = await resolve(step.revision);
      const attempt = attemptOf(input);
      const onProgress = progressOf(memory, attempt);
      return inBackground(tasks, attempt, (signal) =>
        pullImages(parts.runtimes, app, signal, onProgress),
      );
    },
    hold: async (_, { input, resolve }) => {
      // What cannot be read back has no say, and a first install replaces nothing.
      const serving =
        input.current === undefined
          ? undefined
          : await resolve(input.current).catch(() => undefined);
      if (serving === undefined) return "passed";
      return inBackground(tasks, attemptOf(input), (signal) =>
        parts.askApp(serving.staged, { signal }),
      );
    },
    check: async (step, { input, resolve }) => {
      const { app } = await resolve(step.revision);
      for (const runtime of parts.runtimes) await runtime.check(app, input.instances);
      return "passed";
    },
    swap: async (step) => {
      await releases.swap(step.app, step.revision);
      return "passed";
    },
    remove: async (step, { input }) => {
      await handOver.drain(step.instances, input);
      await removeInOrder(parts.runtimes, step.instances);
      return "acted";
    },
    start: async (step, { input, resolve }) => {
      const { app } = await resolve(step.revision);
      // The copies of a release on trial start in waves: one that crashes is seen before the last has started.
      const count = isOfAttempt(step, input) ? startsAtOnce : step.instances.length;
      await startTogether(parts.runtimes, app, step.instances.slice(0, count));
      memory.of(step.app).startedMs = parts.clock.monotonicMs();
      return "acted";
    },
    probe: async (step, { input }) => {
      if (!input.hasProbes) return "idle";
      await settledWithin(prober.probe(step.app, step.revision), probePatienceMs);
      return "idle";
    },
    commit: async (step, { inUse }) => {
      // A disk that cannot be cleared says nothing against a release that has proved itself.
      await releases.tidy(step.app, inUse).catch((error: unknown) => {
        parts.log.warn({ app: step.app, error }, "old releases could not be cleared away");
      });
      return "passed";
    },
    rollBack: async (step) => {
      await releases.rollBack(step.app, step.revision);
      return "passed";
    },
    switch: async (_, { input }) => {
      const replaced = await handOver.replacedBy(input);
      await handOver.drain(replaced, input);
      await removeInOrder(parts.runtimes, replaced);
      await handOver.settle(input);
      return "passed";
    },
    advance: async ({ stage }, { input }) => {
      const attempt = attemptOf(input);
      // What a run forces may never have been held back.
      if (stage === "hold" && attempt.failure !== undefined) tellOverridden(journal, attempt);
      return "passed";
    },
    fail: async (step, { input }) => {
      attempts.fail(attemptOf(input), step.failure);
      return "acted";
    },
    close: async (step, { input }) => {
      const attempt = attemptOf(input);
      tasks.cancel(attempt.id);
      attempts.close(attempt, step.outcome);
      return "acted";
    },
    abandon: async (step, { input }) => {
      const attempt = attemptOf(input);
      await releases.rollBack(step.app, step.revision);
      attempts.close(attempt, "superseded");
      return "acted";
    },
    relabel: async (step, { input, inUse }) => {
      await releases.stage(specOf(input));
      await releases.tidy(step.app, inUse);
      return "acted";
    },
    forget: async (step) => {
      const { app } = step;
      for (const runtime of parts.runtimes) await runtime.cleanUp(app, parts.projectOf(app));
      await releases.removeApp(app);
      for (const one of journal.quarantined()) {
        if (one.app === app) journal.release(app, one.revision);
      }
      memory.forget(app);
      return "acted";
    },
    wait: async () => "idle",
  };
}

/** Apps are updated side by side, but the release store serves one caller at a time. Downloads take
 *  long and touch only their own file, so they stay out of the queue. */
function inTurn(releases: ReleaseStore, line: Line): ReleaseStore {
  const queued =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    (...given: A): Promise<R> =>
      line("store", () => call(...given));
  return {
    ...releases,
    verify: queued(releases.verify),
    stage: queued(releases.stage),
    swap: queued(releases.swap),
    rollBack: queued(releases.rollBack),
    tidy: queued(releases.tidy),
    removeApp: queued(releases.removeApp),
  };
}

function specOf({ app, target }: AppInput): AppSpec {
  if (target !== undefined) return target.spec;
  throw new FleetError("internal", { message: `${app} has no target`, subject: app });
}

function attemptOf({ app, attempt }: AppInput): Attempt {
  if (attempt !== undefined) return attempt;
  throw new FleetError("internal", { message: `${app} has no open attempt`, subject: app });
}

function newAttempt(
  { clock, journal, randomId }: AgentParts,
  step: Extract<Step, { kind: "begin" }>,
  spec: AppSpec,
): Attempt {
  const nowMs = clock.monotonicMs();
  return {
    id: randomId(),
    app: step.app,
    ...(step.from === undefined ? {} : { from: step.from }),
    to: step.revision,
    digest: spec.release.digest,
    commit: spec.release.commit,
    stage: "fetch",
    startedAt: clock.now(),
    startedMonotonicMs: nowMs,
    stageMonotonicMs: nowMs,
    bootId: journal.bootId,
    tries: 0,
  };
}

function tellOverridden(journal: AgentParts["journal"], { app, failure }: Attempt): void {
  const message = `the update of ${app} goes on though it was held back: ${failure?.message ?? ""}`;
  const body = { type: "Warning", reason: "HoldOverridden", message };
  journal.append({ kind: "event", app, body });
}

/** Of this stage of this attempt only: a cancelled download may report once more. */
function progressOf(memory: Memory, { id, app, stage }: Attempt): (share: number) => void {
  return (share) => {
    memory.of(app).progress = { attempt: id, stage, share: Math.round(share * 100) / 100 };
  };
}

async function inBackground(
  tasks: Tasks,
  attempt: Attempt,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<Effect> {
  const key = `${attempt.id}/${attempt.stage}/${attempt.tries}`;
  return (await tasks.run(key, work)) === "done" ? "passed" : "idle";
}
