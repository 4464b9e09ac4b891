// Sleeps between rounds and wakes early when something happened.
import type { Clock } from "#shared/clock.ts";

export interface Waker {
  /** Returns after the delay, or at once when something happened since the last sleep ended. */
  sleep(delayMs: number): Promise<void>;
  wake(): void;
  stop(): void;
  stopped(): boolean;
}

export function createWaker(clock: Clock): Waker {
  let alarm = new AbortController();
  let stopped = false;
  const wake = (): void => alarm.abort();
  return {
    wake,
    stopped: () => stopped,
    stop: () => {
      stopped = true;
      wake();
    },
    sleep: async (delayMs) => {
      if (!stopped) await clock.sleep(delayMs, alarm.signal);
      alarm = new AbortController();
    },
  };
}
