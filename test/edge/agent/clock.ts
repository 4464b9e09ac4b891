// A clock that runs ahead to the end of each sleep, so that minutes of waiting pass in milliseconds.
import { setImmediate as turn } from "node:timers/promises";
import type { Clock } from "#shared/clock.ts";

export interface FastClock extends Clock {
  /** Time passes though nobody slept. */
  advance(ms: number): void;
}

export function createFastClock(): FastClock {
  let passedMs = 0;
  return {
    now: () => Math.round(1_800_000_000_000 + passedMs),
    // A fraction, as the real one has: what is computed from both clocks must not depend on it.
    monotonicMs: () => 50_000.4 + passedMs * 1.000_01,
    advance: (ms) => {
      passedMs += ms;
    },
    sleep: async (delayMs, signal) => {
      await turn();
      if (signal?.aborted !== true) passedMs += delayMs;
    },
  };
}
