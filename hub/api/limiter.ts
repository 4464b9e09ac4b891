// Slows guessing down: a bucket of failures for each remote address.
import type { Clock } from "#shared/clock.ts";

const maxAddresses = 10_000;

export interface Limiter {
  /** Whether this address may try now. */
  allows(address: string): boolean;
  /** Counts a failure. Successes cost nothing, so that a hundred devices behind one address enrol. */
  fail(address: string): void;
}

interface Bucket {
  failures: number;
  atMs: number;
}

/** @param burst failures before the first refusal
 *  @param refillMs time in which one failure is forgiven */
export function createLimiter(options: { clock: Clock; burst: number; refillMs: number }): Limiter {
  const { clock, burst, refillMs } = options;
  const buckets = new Map<string, Bucket>();
  const failuresOf = (address: string): number => {
    const bucket = buckets.get(address);
    if (bucket === undefined) return 0;
    return Math.max(0, bucket.failures - (clock.monotonicMs() - bucket.atMs) / refillMs);
  };
  return {
    allows: (address) => failuresOf(address) <= burst - 1,
    fail: (address) => {
      const failures = failuresOf(address) + 1;
      // Deleted first, so that the oldest entry is the one that failed longest ago.
      buckets.delete(address);
      buckets.set(address, { failures, atMs: clock.monotonicMs() });
      const oldest = buckets.keys().next().value;
      if (buckets.size > maxAddresses && oldest !== undefined) buckets.delete(oldest);
    },
  };
}
