// Wakes the controller at a time, or soon after something changed; many changes wake it once.
import type { Clock } from "#shared/clock.ts";

export interface Waker {
  /** At this Unix ms at the latest, unless it is cleared before. */
  at(unixMs: number): void;
  soon(): void;
  /** Forgets every time that was asked for; a change that was told stays. */
  clear(): void;
  stop(): void;
}

/** A wall clock that was put forward must not let a deadline pass by unseen. */
const longestMs = 60_000;

export function createWaker(options: { clock: Clock; coalesceMs: number; wake(): void }): Waker {
  const { clock, coalesceMs } = options;
  const stopping = new AbortController();
  let times = new AbortController();
  let isComing = false;
  const after = async (ms: number, signal: AbortSignal): Promise<void> => {
    await clock.sleep(ms, signal);
    if (!signal.aborted && !stopping.signal.aborted) options.wake();
  };
  return {
    at: (unixMs) => {
      void after(Math.min(longestMs, Math.max(1, unixMs - clock.now())), times.signal);
    },
    soon: () => {
      if (isComing) return;
      isComing = true;
      void clock.sleep(coalesceMs, stopping.signal).then(() => {
        isComing = false;
        if (!stopping.signal.aborted) options.wake();
      });
    },
    clear: () => {
      times.abort();
      times = new AbortController();
    },
    stop: () => {
      stopping.abort();
      times.abort();
    },
  };
}
