// Watches one connection for the hub's own answers: a broker that lives proves nothing about the hub.
import type { Clock } from "#shared/clock.ts";

export interface ProofLimits {
  /** After this long without an answer the hub is asked for one. */
  everyMs: number;
  /** An answer may take this long. */
  patienceMs: number;
}

export interface Proofs {
  /** Something was sent that the hub answers. */
  asked(): void;
  /** The hub has answered, or spoken by itself. */
  heard(): void;
  /** How often it did. */
  count(): number;
  run(signal: AbortSignal): Promise<void>;
}

export function createProofs(options: {
  clock: Clock;
  limits: ProofLimits;
  /** Sends something that the hub answers. */
  ask: () => void;
  onHeard: () => void;
  /** Called once until the hub is heard again. */
  onSilent: () => void;
}): Proofs {
  const { clock, limits, ask, onHeard, onSilent } = options;
  let askedMs: number | undefined;
  let lastMs = clock.monotonicMs();
  let isSilent = false;
  let count = 0;

  const look = (): void => {
    const now = clock.monotonicMs();
    if (!isSilent && askedMs !== undefined && now - askedMs >= limits.patienceMs) {
      isSilent = true;
      onSilent();
    }
    if (now - lastMs >= limits.everyMs) {
      lastMs = now;
      ask();
    }
  };
  return {
    asked: () => {
      askedMs ??= clock.monotonicMs();
    },
    heard: () => {
      askedMs = undefined;
      lastMs = clock.monotonicMs();
      isSilent = false;
      count += 1;
      onHeard();
    },
    count: () => count,
    run: async (signal) => {
      while (!signal.aborted) {
        look();
        const untilAskMs = lastMs + limits.everyMs - clock.monotonicMs();
        await clock.sleep(Math.max(1, Math.min(untilAskMs, limits.patienceMs)), signal);
      }
    },
  };
}
