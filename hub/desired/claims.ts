// Devices that claim a higher generation than the hub knows: each has a while to prove it by its return.
import type { Clock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";

export interface Claims {
  /** Whether the device still has time to prove its claim.
   *  @param look called when that time is over */
  isOpen(device: DeviceId, isAhead: boolean, look: (device: DeviceId) => Promise<void>): boolean;
}

export function createClaims(options: {
  clock: Clock;
  proofMs: number;
  /** Ends the waiting. */
  signal: AbortSignal;
}): Claims {
  const { clock, proofMs, signal } = options;
  const since = new Map<DeviceId, number>();
  return {
    isOpen: (device, isAhead, look) => {
      if (!isAhead || proofMs === 0) {
        since.delete(device);
        return false;
      }
      const first = since.get(device);
      if (first !== undefined) return clock.monotonicMs() - first < proofMs;
      since.set(device, clock.monotonicMs());
      void clock.sleep(proofMs, signal).then(() => (signal.aborted ? undefined : look(device)));
      return true;
    },
  };
}
