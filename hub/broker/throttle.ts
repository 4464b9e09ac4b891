// Slows down whoever presents wrong credentials, by address.
import type { Clock } from "#shared/clock.ts";

interface Failures {
  count: number;
  atMs: number;
  waiting: number;
}

const firstDelayMs = 250;
const maxDelayMs = 5000;
const forgetAfterMs = 60_000;
const maxWaiting = 64;
const maxAddresses = 10_000;

export interface Throttle {
  /** Called for a wrong password. Resolves when the refusal may be sent; rightful devices behind the
   *  same address are never held up. Resolves at once when too many are waiting already, since each
   *  holds a connection. */
  penalty(address: string): Promise<void>;
}

export function createThrottle(clock: Clock): Throttle {
  const addresses = new Map<string, Failures>();

  const failuresOf = (address: string): Failures => {
    const now = clock.monotonicMs();
    const known = addresses.get(address);
    const fresh = known === undefined || now - known.atMs > forgetAfterMs;
    const failures = fresh ? { count: 0, atMs: now, waiting: known?.waiting ?? 0 } : known;
    // Set again at the end, so that the first key is the one that failed longest ago.
    addresses.delete(address);
    addresses.set(address, failures);
    if (addresses.size > maxAddresses) addresses.delete(addresses.keys().next().value ?? "");
    return failures;
  };
  return {
    penalty: async (address) => {
      const failures = failuresOf(address);
      const delayMs = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(failures.count, 10));
      failures.count += 1;
      failures.atMs = clock.monotonicMs();
      if (failures.waiting >= maxWaiting) return;
      failures.waiting += 1;
      await clock.sleep(delayMs);
      failures.waiting -= 1;
    },
  };
}
