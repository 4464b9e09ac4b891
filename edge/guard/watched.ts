// Keeps one program running: starts it again when it dies, and kills it when it has fallen silent.
import type { ChildProcess } from "node:child_process";
import { readPulse } from "./pulse.ts";
import { createSilence } from "./silence.ts";

/** Until its first pulse: opening a large journal on a slow card takes its time. */
const startingMs = 180_000;
const basePauseMs = 500;
/** How long its last words are waited for. */
const lastWordsMs = 1000;
/** A program that ran this long starts again without much delay. */
const steadyMs = 30_000;

export interface End {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** It was killed since nothing was heard for so long. */
  silentMs?: number;
  /** Why it never began. */
  fault?: string;
}

interface Options {
  /** Starts it once more, with a channel when it is to be watched. */
  launch(): ChildProcess;
  /** Silence after which it is killed; absent: it is not listened to. */
  deadlineMs?: number;
  /** Longest pause before it is started again. */
  maxPauseMs: number;
  /** Told each time that it ended, with the pause before the next start; none when it is the last end. */
  onEnd?(end: End, pauseMs: number | undefined): void;
  /** Whether it is done for good when it ends so. By default it never is. */
  isDone?(end: End): boolean;
}

export interface Watched {
  start(): void;
  pid(): number | undefined;
  /** Does not start it again.
   *  @param graceMs how long it may take to end by itself; absent: as long as it says that it needs */
  stop(signal: NodeJS.Signals, graceMs?: number): void;
  signal(signal: NodeJS.Signals): void;
  /** How it ended for good. */
  ended: Promise<End>;
}

/** INVARIANTS: at most one process at a time, and none once `ended` has settled. The next one starts only
 *  after the kernel has let go of the last one's locks, ports and files. SIGKILL is the one signal used on a
 *  silent one: it alone ends a process that is stopped (SIGSTOP). Only that process is signalled, never its
 *  group, since what the agent supervises is to outlive it. */
export function createWatched(options: Options): Watched {
  const { promise: ended, resolve } = Promise.withResolvers<End>();
  let child: ChildProcess | undefined;
  let stopping = false;
  let failures = 0;
  let again: NodeJS.Timeout | undefined;
  let last: End = { code: 0, signal: null };

  const launch = (): void => {
    const beganMs = performance.now();
    const launched = launchedOrWhyNot(options);
    if (typeof launched === "string") {
      settle({ code: 1, signal: null, fault: launched }, 0);
      return;
    }
    child = launched;
    const silent: Pick<End, "silentMs"> = {};
    const silence = createSilence((silentMs) => {
      silent.silentMs = silentMs;
      launched.kill("SIGKILL");
    });
    if (options.deadlineMs !== undefined) listen(launched, silence, options.deadlineMs);
    let isOver = false;
    const over = (code: number | null, signal: NodeJS.Signals | null): void => {
      if (isOver) return;
      isOver = true;
      silence.end();
      child = undefined;
      settle({ code, signal, ...silent }, performance.now() - beganMs);
    };
    // Whoever inherited its output may hold that open for as long as it likes.
    launched.once("exit", (code, signal) => {
      const late = setTimeout(over, lastWordsMs, code, signal);
      launched.once("close", () => clearTimeout(late));
    });
    launched.once("close", over);
    // A program that cannot even be started: too many processes, no memory.
    launched.once("error", () => {
      if (launched.pid === undefined) over(1, null);
    });
  };

  const settle = (end: End, ranMs: number): void => {
    last = end;
    if (stopping || options.isDone?.(end) === true) {
      options.onEnd?.(end, undefined);
      resolve(end);
      return;
    }
    failures = ranMs > steadyMs ? 1 : failures + 1;
    const pauseMs = Math.min(options.maxPauseMs, basePauseMs * 2 ** Math.min(failures - 1, 16));
    options.onEnd?.(end, pauseMs);
    again = setTimeout(launch, pauseMs);
  };

  return {
    start: launch,
    pid: () => child?.pid,
    signal: (signal) => void child?.kill(signal),
    stop: (signal, graceMs) => {
      stopping = true;
      clearTimeout(again);
      const stopped = child;
      if (stopped === undefined) return resolve(last);
      stopped.kill(signal);
      if (graceMs === undefined) return;
      const timer = setTimeout(() => stopped.kill("SIGKILL"), graceMs);
      stopped.once("exit", () => clearTimeout(timer));
    },
    ended,
  };
}

/** Without memory for another process spawn(3) throws; with too many of them it tells by an event. */
function launchedOrWhyNot({ launch }: Options): ChildProcess | string {
  try {
    return launch();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function listen(
  child: ChildProcess,
  silence: ReturnType<typeof createSilence>,
  deadlineMs: number,
): void {
  let isStarting = true;
  silence.expect(Math.max(startingMs, deadlineMs));
  child.on("message", (message) => {
    const pulse = readPulse(message);
    if (pulse === undefined) return;
    if (pulse.pulse === "stopping") silence.expect(pulse.withinMs);
    else if (isStarting) silence.expect(deadlineMs);
    else silence.heard();
    isStarting = false;
  });
}
