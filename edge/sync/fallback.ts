// Decides when HTTP steps in for MQTT: after several failed attempts, or after some time without it.
import type { Clock } from "#shared/clock.ts";

export interface FallbackLimits {
  failures: number;
  afterMs: number;
}

export const defaultFallbackLimits: FallbackLimits = { failures: 3, afterMs: 15_000 };

export interface Fallback {
  /** MQTT is not there yet, or no more: the time runs from the first such call. */
  down(): void;
  failed(): void;
  up(): void;
  stop(): Promise<void>;
}

/** @param run the other way, until its signal aborts */
export function createFallback(options: {
  clock: Clock;
  limits: FallbackLimits;
  run: (signal: AbortSignal) => Promise<void>;
}): Fallback {
  const { clock, limits, run } = options;
  let failures = 0;
  let spell: { over: AbortController; hurry: AbortController; work: Promise<void> } | undefined;

  const begin = () => {
    const [over, hurry] = [new AbortController(), new AbortController()];
    over.signal.addEventListener("abort", () => hurry.abort());
    const work = (async () => {
      await clock.sleep(limits.afterMs, hurry.signal);
      if (!over.signal.aborted) await run(over.signal);
    })();
    return { over, hurry, work };
  };

  const down = (): void => {
    spell ??= begin();
  };
  const end = (): Promise<void> => {
    const ending = spell;
    spell = undefined;
    failures = 0;
    ending?.over.abort();
    return ending?.work ?? Promise.resolve();
  };
  return {
    down,
    failed: () => {
      down();
      failures += 1;
      if (failures >= limits.failures) spell?.hurry.abort();
    },
    up: () => void end(),
    stop: end,
  };
}
