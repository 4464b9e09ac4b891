// Holds all streams of a device together to so much per second.
import type { Clock } from "#shared/clock.ts";

export interface Pace {
  /** Resolves when this much may be sent, or the signal aborts. */
  take(cost: number, signal: AbortSignal): Promise<void>;
}

/** A second's worth may go at once. */
export function createPace(clock: Clock, maxCostPerSecond: number): Pace {
  /** Monotonic ms until which what was taken fills the allowance. */
  let filledMs = Number.NEGATIVE_INFINITY;
  return {
    take: async (cost, signal) => {
      const now = clock.monotonicMs();
      filledMs = Math.max(filledMs, now - 1000) + (cost / maxCostPerSecond) * 1000;
      if (filledMs > now) await clock.sleep(filledMs - now, signal);
    },
  };
}
