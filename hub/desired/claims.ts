// Devices that claim a higher generation than the hub knows: each has a while to prove it by its return.
import type { Clock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";

export interface Claims {
  /** Whether the device still has time to prove its claim.
   *  @param look called when that time is over */
  isOpen(device: DeviceId, isAhead: boolean, look: (device: DeviceId) => Promise<void>): boolean;
}

export function createClaims(options: {
  clock: Pick<Clock, "sleep">;
  proofMs: number;
  /** Ends the waiting. */
  signal: AbortSignal;
}): Claims {
  const { clock, proofMs, signal } = options;
  const claims = new Map<DeviceId, { isOver: boolean }>();
  return {
    isOpen: (device, isAhead, look) => {
      if (!isAhead || proofMs === 0) {
        claims.delete(device);
        return false;
      }
      const known = claims.get(device);
      if (known !== undefined) return !known.isOver;
      const claim = { isOver: false };
      claims.set(device, claim);
      void clock.sleep(proofMs, signal).then(() => {
        // Not measured: a timer may be a moment early, and after this nobody looks again.
        claim.isOver = true;
        return signal.aborted ? undefined : look(device);
      });
      return true;
    },
  };
}
