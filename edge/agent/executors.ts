// One executor for each kind of step: does it and says whether the stage behind it is over.
import type { Attempt } from "#edge/plan/attempt.ts";
import type { AppInput } from "#edge/plan/input.ts";
import type { Step } from "#edge/plan/step.ts";
import type { ReleaseStore } from "#edge/release/port.ts";
import type { ObservedInstance, ResolvedApp, Runtime } from "#edge/runtime/port.ts";
import type { AppSpec } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import type { Attempts } from "./attempts.ts";
import type { Memory } from "./memory.ts";
import type { AgentParts, Resolved } from "./parts.ts";
import type { Tasks } from "./tasks.ts";

/** At most so many instances of an app start at the same time: a Pi has four cores and one card. */
const startsAtOnce = 4;

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
}

export function createExecutors({ parts, attempts, memory, tasks }: Parts): Executors {
  const { clock, journal } = parts;
  const releases = inTurn(parts.releases);

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
      return inBackground(tasks, attempt, (signal) =>
        releases.fetch(release, { signal, onProgress: progressOf(memory, input) }),
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
    validate: async (step, { resolve }) => {
      const { staged } = await resolve(step.revision);
      await parts.runValidateHook(staged);
      return "passed";
    },
    pull: async (step, { input, resolve }) => {
      const { app } = await resolve(step.revision);
      return inBackground(tasks, attemptOf(input), (signal) =>
        pullImages(parts.runtimes, app, signal, progressOf(memory, input)),
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
    remove: async (step) => {
      await removeInOrder(parts.runtimes, step.instances);
      return "acted";
    },
    start: async (step, { resolve }) => {
      const { app } = await resolve(step.revision);
      await startTogether(parts.runtimes, app, step.instances);
      return "acted";
    },
    probe: async (step, { input, resolve }) => {
      if (!input.hasProbes) return "idle";
      const atMs = clock.monotonicMs();
      const results = await parts.runProbes(await resolve(step.revision));
      memory.of(step.app).probes = { atMs, results };
      return "idle";
    },
    commit: async (step, { inUse }) => {
      await releases.tidy(step.app, inUse);
      return "passed";
    },
    rollBack: async (step) => {
      await releases.rollBack(step.app, step.revision);
      return "passed";
    },
    advance: async () => "passed",
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
function inTurn(releases: ReleaseStore): ReleaseStore {
  let last: Promise<unknown> = Promise.resolve();
  const queued =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    (...given: A): Promise<R> => {
      const next = last.then(() => call(...given));
      last = next.catch(() => undefined);
      return next;
    };
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

function progressOf(memory: Memory, { app }: AppInput): (share: number) => void {
  return (share) => {
    memory.of(app).progress = Math.round(share * 100) / 100;
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

async function pullImages(
  runtimes: readonly Runtime[],
  app: ResolvedApp,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<void> {
  const wanted = Object.values(app.services).filter(({ spec }) => spec.replicas > 0);
  const seen = new Set<string>();
  for (const [at, { spec, runtime }] of wanted.entries()) {
    const { image, pullPolicy: policy, platform } = spec;
    if (image === undefined || seen.has(`${image} ${platform}`)) continue;
    seen.add(`${image} ${platform}`);
    const onShare = (share: number): void => onProgress((at + share) / wanted.length);
    const port = runtimes.find(({ name }) => name === runtime);
    await port?.pull(image, { policy, platform, signal, onProgress: onShare });
  }
}

/** Services one after the other as ordered, the copies of one service together. */
async function removeInOrder(
  runtimes: readonly Runtime[],
  instances: readonly ObservedInstance[],
): Promise<void> {
  for (const service of new Set(instances.map((one) => one.service))) {
    const copies = instances.filter((one) => one.service === service);
    await settleAll(copies.map(async (copy) => runtimeOf(runtimes, copy)?.remove(copy)));
  }
}

function runtimeOf(runtimes: readonly Runtime[], copy: ObservedInstance): Runtime | undefined {
  return runtimes.find(({ name }) => name === copy.runtime);
}

async function startTogether(
  runtimes: readonly Runtime[],
  app: ResolvedApp,
  instances: readonly { service: string; index: number }[],
): Promise<void> {
  for (const runtime of runtimes) {
    const own = instances.filter(({ service }) => app.services[service]?.runtime === runtime.name);
    if (own.length === 0) continue;
    await runtime.prepare(app);
    const queue = [...own];
    const drain = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        await runtime.start(app, next);
      }
    };
    await settleAll(Array.from({ length: startsAtOnce }, drain));
  }
}

/** Waits for all and then throws the first failure, so that nothing goes on behind the loop's back. */
async function settleAll(work: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
