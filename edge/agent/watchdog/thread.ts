// Watches the agent from a thread of its own, which goes on when the main one is blocked.
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Outlet } from "./outlet.ts";

/** In the shared memory: numbers first, then the text of the last words. */
const cells = { fed: 0, limitMs: 1, textBytes: 2 } as const;
const textOffset = 16;
const maxTextBytes = 240;

export interface WatchThread extends Outlet {
  /** Until then the agent is only starting. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Ends the process, after one line on standard error, when it was not fed for the limit. */
export function createWatchThread(options: { limitMs: number; startingMs: number }): WatchThread {
  const shared = new SharedArrayBuffer(textOffset + maxTextBytes);
  const numbers = new Int32Array(shared, 0, 3);
  const text = new Uint8Array(shared, textOffset);
  let worker: Worker | undefined;

  const say = (words: string): void => {
    const { written } = new TextEncoder().encodeInto(words, text);
    Atomics.store(numbers, cells.textBytes, written);
  };
  const feed = (words: string): void => {
    say(words);
    Atomics.add(numbers, cells.fed, 1);
  };
  const expect = (limitMs: number): void => {
    Atomics.store(numbers, cells.limitMs, limitMs);
    Atomics.notify(numbers, cells.limitMs);
  };

  return {
    start: async () => {
      expect(options.startingMs);
      feed("starting");
      worker = new Worker(`(${watch.toString()})()`, {
        eval: true,
        workerData: { shared, cells, textOffset },
        execArgv: [],
        env: {},
        resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
      });
      await once(worker, "online");
      worker.unref();
    },
    ready: () => {
      expect(options.limitMs);
      feed("ready");
    },
    alive: feed,
    hung: say,
    stopping: (withinMs) => {
      expect(withinMs);
      feed("stopping");
    },
    stop: async () => void (await worker?.terminate()),
  };
}

/** The thread's whole program. It travels as its own text, so it may name nothing outside itself: a thread
 *  that reads no TypeScript file takes 18 MB and not 30, and a bundle needs no second file. It counts time in
 *  which it ran itself: a machine that slept is not an agent that hung. */
function watch(): void {
  const { workerData } = process.getBuiltinModule("node:worker_threads");
  const { writeSync } = process.getBuiltinModule("node:fs");
  const { shared, cells: at, textOffset: from } = workerData;
  const numbers = new Int32Array(shared, 0, 3);
  let fed = -1;
  let silentMs = 0;
  let lookedMs = performance.now();
  for (;;) {
    const limitMs = Atomics.load(numbers, at.limitMs);
    const tickMs = Math.max(10, limitMs / 20);
    // A new limit is taken up at once: the looks under the first one are far apart.
    Atomics.wait(numbers, at.limitMs, limitMs, tickMs);
    const nowMs = performance.now();
    silentMs += Math.min(nowMs - lookedMs, 2 * tickMs);
    lookedMs = nowMs;
    const now = Atomics.load(numbers, at.fed);
    if (now !== fed || limitMs !== Atomics.load(numbers, at.limitMs)) silentMs = 0;
    fed = now;
    if (silentMs < limitMs) continue;
    const length = Atomics.load(numbers, at.textBytes);
    const words = new TextDecoder().decode(new Uint8Array(shared, from, length).slice());
    try {
      writeSync(
        2,
        `the agent hangs since ${Math.round(silentMs / 1000)} s and ends itself: ${words}\n`,
      );
    } catch {
      // Nobody reads it any more; that must not keep a hung agent alive.
    }
    process.kill(process.pid, "SIGKILL");
  }
}
