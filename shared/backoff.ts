// Delays between attempts: exponential with full jitter, pure.

interface BackoffLimits {
  baseMs: number;
  maxMs: number;
}

/** Full jitter: uniform in [0, min(maxMs, baseMs * 2^attempt)).
 *  @param attempt counts from 0
 *  @param random uniform in [0, 1) */
export function delayMs(attempt: number, random: number, limits: BackoffLimits): number {
  const ceiling = Math.min(limits.maxMs, limits.baseMs * 2 ** Math.min(attempt, 30));
  return Math.floor(ceiling * random);
}
