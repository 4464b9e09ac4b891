// A clock that moves only when told, waking sleepers in the order of their times.
import type { Clock } from "#shared/clock.ts";

export interface ManualClock extends Clock {
  /** Moves on and lets everything that wakes run until it waits again. */
  advance(byMs: number): Promise<void>;
  /** Lets pending work run without moving. */
  settle(): Promise<void>;
}

const epochMs = 1_800_000_000_000;

export function createManualClock(): ManualClock {
  let nowMs = 10_000;
  const sleepers = new Set<{ atMs: number; wake: () => void }>();

  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  };
  const nextDue = (endMs: number) =>
    [...sleepers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
  return {
    now: () => epochMs + nowMs,
    monotonicMs: () => nowMs,
    sleep: (delayMs, signal) =>
      new Promise((resolve) => {
        const sleeper = { atMs: nowMs + delayMs, wake: () => {} };
        sleeper.wake = () => {
          sleepers.delete(sleeper);
          resolve();
        };
        if (signal?.aborted === true) return resolve();
        sleepers.add(sleeper);
        signal?.addEventListener("abort", sleeper.wake, { once: true });
      }),
    settle,
    advance: async (byMs) => {
      const endMs = nowMs + byMs;
      await settle();
      for (let due = nextDue(endMs); due !== undefined; due = nextDue(endMs)) {
        nowMs = Math.max(nowMs, due.atMs);
        due.wake();
        await settle();
      }
      nowMs = endMs;
    },
  };
}
