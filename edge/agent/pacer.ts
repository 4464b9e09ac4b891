// Slows reading down to a rate that a card and a small processor do not feel.
import type { Clock } from "#shared/clock.ts";

/** A Pi's card reads ten times as much, and its processor hashes fifty times as much. */
const bytesPerSecond = 4_000_000;
/** So much is read without a pause: an ordinary release is done in one go. */
const burstBytes = 4_000_000;

/** @returns called after each chunk */
export function createPacer(clock: Clock, signal: AbortSignal): (bytes: number) => Promise<void> {
  const startedMs = clock.monotonicMs();
  let read = 0;
  return async (bytes) => {
    read += bytes;
    const dueMs = startedMs + ((read - burstBytes) / bytesPerSecond) * 1000;
    const earlyMs = dueMs - clock.monotonicMs();
    if (earlyMs > 0) await clock.sleep(earlyMs, signal);
    signal.throwIfAborted();
  };
}
