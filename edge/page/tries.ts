// Bounds how often one address may try a wrong token.
import type { Clock } from "#shared/clock.ts";

const maxTries = 5;
const withinMs = 60_000;
const maxAddresses = 1000;

export interface Tries {
  /** How long this address has to wait before its next try; 0 when it need not. */
  waitMs(address: string): number;
  failed(address: string): void;
}

/** Times are of the monotonic clock: setting the wall clock frees nobody. */
export function createTries(clock: Pick<Clock, "monotonicMs">): Tries {
  const failures = new Map<string, number[]>();
  const recent = (address: string): number[] =>
    (failures.get(address) ?? []).filter((atMs) => clock.monotonicMs() - atMs < withinMs);
  return {
    waitMs: (address) => {
      const oldest = recent(address).at(-maxTries);
      return oldest === undefined ? 0 : withinMs - (clock.monotonicMs() - oldest);
    },
    failed: (address) => {
      const all = [...recent(address), clock.monotonicMs()].slice(-maxTries);
      // Deleted first, so that the address that is forgotten is the one that failed longest ago.
      failures.delete(address);
      failures.set(address, all);
      const [longestAgo] = failures.keys();
      if (failures.size > maxAddresses && longestAgo !== undefined) failures.delete(longestAgo);
    },
  };
}
