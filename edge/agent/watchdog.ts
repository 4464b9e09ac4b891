// Lets a hung agent be noticed: the loop feeds it from inside, and whoever watches ends an unfed one.
import type { Clock } from "#shared/clock.ts";
import type { Log } from "./parts.ts";
import { channelOf, createChannelOutlet } from "./watchdog/channel.ts";
import { deadlineOf } from "./watchdog/limits.ts";
import { atMostEvery, type Outlet } from "./watchdog/outlet.ts";
import { createSystemdOutlet } from "./watchdog/systemd.ts";
import { createWatchThread } from "./watchdog/thread.ts";

/** A loop that comes round but fails each time is given up only then: a new process is the last remedy for a
 *  leak or a broken handle, and none for a full disk. Both must hold, since a round may be 900 s long. */
const failing = { rounds: 5, ms: 600_000 };
/** Of the longest silence: those outside hear of the last feeding up to one share late, so the thread has time
 *  to act, and to say why, before they do. */
const shares = { feed: 1 / 8, thread: 0.6 };
/** Opening a large journal on a slow card takes its time. */
const startingMs = 180_000;

/** What the loop tells of itself. */
export interface LoopWatch {
  /** The loop has come so far: what it does next, in a word or two. */
  enter(doing: string): void;
  /** A round went well. */
  good(): void;
  /** A round failed. */
  failed(): void;
  /** The loop's own wait: it comes round often enough to be heard, however long it is. */
  sleep: Clock["sleep"];
  /** A step that may go on beside the loop: while it is over its limit, nothing is fed.
   *  @param step e.g. `start of web` */
  during<R>(step: string, limitMs: number, work: () => Promise<R>): Promise<R>;
  /** Why nothing would be fed now, e.g. `start of web does not end`; undefined while all is well. */
  hung(): string | undefined;
}

export interface Watchdog extends LoopWatch {
  /** Begins to watch from inside. */
  start(): Promise<void>;
  /** The agent can do its work. */
  ready(): void;
  /** Nothing is fed any more; the end is to come within the time. */
  stopping(withinMs: number): void;
  stop(): Promise<void>;
}

interface LoopWatchOptions {
  clock: Clock;
  /** Ms between two feedings while the loop waits. */
  feedEveryMs: number;
  outlets: readonly Outlet[];
  log: Pick<Log, "error">;
}

/** INVARIANTS: nothing but the loop's own progress feeds the outlets: no timer does. The loop's wait is part
 *  of the loop. A step over its limit, or a loop that only fails, is not fed, though the loop goes on. */
export function createLoopWatch({ clock, feedEveryMs, outlets, log }: LoopWatchOptions): LoopWatch {
  const steps = new Set<{ step: string; untilMs: number }>();
  let failures = 0;
  /** When the first of them in a row ended: a loop may have slept for an hour before it. */
  let failingSinceMs = 0;
  let told: string | undefined;

  const whyNot = (): string | undefined => {
    const nowMs = clock.monotonicMs();
    const overdue = [...steps].find(({ untilMs }) => nowMs > untilMs);
    if (overdue !== undefined) return `${overdue.step} does not end`;
    if (failures < failing.rounds || nowMs - failingSinceMs < failing.ms) return undefined;
    return `${failures} rounds have failed, one after the other`;
  };

  const withhold = (why: string): void => {
    for (const outlet of outlets) outlet.hung(why);
    if (told !== why) log.error({ why }, "the loop hangs; the watchdog is not fed any more");
    told = why;
  };

  const enter = (doing: string): void => {
    const why = whyNot();
    if (why !== undefined) {
      withhold(why);
      return;
    }
    told = undefined;
    for (const outlet of outlets) outlet.alive(doing);
  };

  return {
    enter,
    hung: whyNot,
    good: () => {
      failures = 0;
    },
    failed: () => {
      if (failures === 0) failingSinceMs = clock.monotonicMs();
      failures += 1;
    },
    sleep: async (delayMs, signal) => {
      // Counted by slices and not by the clock: a sleep that ends early is not slept again for ever.
      for (let leftMs = delayMs; leftMs > 0 && signal?.aborted !== true; leftMs -= feedEveryMs) {
        enter("waiting for the next round");
        await clock.sleep(Math.min(leftMs, feedEveryMs), signal);
      }
    },
    during: async (step, limitMs, work) => {
      enter(step);
      const entry = { step, untilMs: clock.monotonicMs() + limitMs };
      steps.add(entry);
      try {
        return await work();
      } finally {
        steps.delete(entry);
      }
    },
  };
}

interface Options {
  clock: Clock;
  log: Pick<Log, "error" | "warn">;
  /** The agent's own. */
  program: NodeJS.Process;
}

/** Watched from inside by a thread, from outside by whoever started the agent. The thread is the first to
 *  act, since it alone can say why; the ones outside are there for a process that is stopped as a whole. */
export function createWatchdog({ clock, log, program }: Options): Watchdog {
  const deadlineMs = deadlineOf(program.env, program.pid);
  if (deadlineMs === 0) return unwatched(clock, log);
  const feedEveryMs = deadlineMs * shares.feed;
  const thread = createWatchThread({ limitMs: deadlineMs * shares.thread, startingMs });
  const send = channelOf(program);
  const systemd = createSystemdOutlet({
    environment: program.env,
    onFailure: (why) => log.warn({ why }, "systemd cannot be told that the agent is alive"),
  });
  const outside = [systemd, send === undefined ? undefined : createChannelOutlet(send)]
    .filter((outlet) => outlet !== undefined)
    .map((outlet) => atMostEvery(feedEveryMs, clock, outlet));
  const outlets = [thread, ...outside];
  return {
    ...createLoopWatch({ clock, feedEveryMs, outlets, log }),
    start: thread.start,
    stop: thread.stop,
    ready: () => {
      for (const outlet of outlets) outlet.ready();
    },
    stopping: (withinMs) => {
      for (const outlet of outlets) outlet.stopping(withinMs);
    },
  };
}

/** Under a debugger silence means nothing. */
function unwatched(clock: Clock, log: Pick<Log, "error">): Watchdog {
  const nothing = (): void => undefined;
  return {
    ...createLoopWatch({ clock, feedEveryMs: Number.POSITIVE_INFINITY, outlets: [], log }),
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    ready: nothing,
    stopping: nothing,
  };
}
