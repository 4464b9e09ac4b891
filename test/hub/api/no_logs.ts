// Live logs of devices that are never connected, for tests of other things.
import type { LiveLogs } from "#hub/logs/port.ts";
import { FleetError } from "#shared/errors.ts";

export const noLogs: LiveLogs = {
  open: () =>
    Promise.reject(new FleetError("device_unreachable", { message: "no live logs here" })),
  counts: () => ({ streams: 0, readers: 0, lines: 0, droppedBytes: 0 }),
  stop: () => undefined,
};
