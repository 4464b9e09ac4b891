// Decides what follows the end of a process: stay down, or start again after a while. Pure.
import { delayMs } from "#shared/backoff.ts";
import type { RestartPolicy } from "#shared/compose/model.ts";

export interface RestartLimits {
  /** The shortest wait. */
  baseMs: number;
  /** The longest wait. */
  maxMs: number;
  /** A run this long was good: the next failure counts as the first. */
  resetAfterMs: number;
}

export const defaultRestartLimits: RestartLimits = {
  baseMs: 1000,
  maxMs: 60_000,
  resetAfterMs: 60_000,
};

export interface Ending {
  /** Absent when nobody saw it, e.g. after a power cut; counts as a failure. */
  exitCode?: number;
  /** Restarts in a row so far. */
  attempt: number;
  ranMs: number;
}

export type Decision = { restart: false } | { restart: true; delayMs: number; attempt: number };

/** @param random uniform in [0, 1)
 *  @see Compose specification, "restart"; `unless-stopped` differs from `always` only for a person's
 *  stop, which here is a removal */
export function decideRestart(
  policy: RestartPolicy,
  ending: Ending,
  random: number,
  limits: RestartLimits,
): Decision {
  const attempt = ending.ranMs >= limits.resetAfterMs ? 0 : ending.attempt;
  if (!wantsRestart(policy, ending.exitCode, attempt)) return { restart: false };
  const jitter = delayMs(attempt, random, {
    baseMs: limits.baseMs,
    maxMs: limits.maxMs - limits.baseMs,
  });
  return { restart: true, delayMs: limits.baseMs + jitter, attempt: attempt + 1 };
}

function wantsRestart(policy: RestartPolicy, exitCode: number | undefined, attempt: number) {
  if (policy.name === "no") return false;
  if (policy.name !== "on-failure") return true;
  if (exitCode === 0) return false;
  return policy.maxAttempts === 0 || attempt < policy.maxAttempts;
}
