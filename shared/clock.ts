// The clock port: wall time for people, monotonic time for every timer and decision.
import { setTimeout as wait } from "node:timers/promises";

export interface Clock {
  /** Unix ms. May jump: a Pi has no clock battery. For display, windows and TLS only. */
  now(): number;
  /** Milliseconds since the machine booted; never goes back, and goes on over a restart of the agent. */
  monotonicMs(): number;
  /** Resolves after the delay, or at once when the signal aborts (without throwing). */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  sleep: async (delayMs, signal) => {
    await wait(delayMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};
