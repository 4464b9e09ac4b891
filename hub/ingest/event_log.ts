// Writes events to the hub's log, of one device so many a minute at most: the log is a file that grows, too.
import type { HubEvent } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";

interface Options {
  log: { info(facts: object, message: string): void };
  clock: Clock;
  /** Lines of one device; events of the hub itself are not counted. */
  perMinute?: number;
}

const windowMs = 60_000;

/** @returns takes one event; what it leaves out it counts, and says so in the next minute that has any event */
export function createEventLog({ log, clock, perMinute = 60 }: Options): (event: HubEvent) => void {
  const counts = new Map<DeviceId, number>();
  let beganMs = clock.monotonicMs();

  const begin = (): void => {
    for (const [device, count] of counts) {
      if (count <= perMinute) continue;
      const left = count - perMinute;
      log.info(
        { device },
        `${left} more events of this device are in the store and not in the log`,
      );
    }
    counts.clear();
    beganMs = clock.monotonicMs();
  };
  return ({ device, app, reason, message }) => {
    if (clock.monotonicMs() - beganMs >= windowMs) begin();
    if (device !== null) {
      const count = (counts.get(device) ?? 0) + 1;
      counts.set(device, count);
      if (count > perMinute) return;
    }
    log.info({ device, app, reason }, message);
  };
}
