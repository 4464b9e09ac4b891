// Says before the start whether this machine lets so many devices be held.
import { readFileSync } from "node:fs";
import { FleetError } from "#shared/errors.ts";

/** Files that a process has open beside the devices' connections. */
const beside = 300;

export function devicesPerProcess(devices: number, processes: number): number {
  return Math.ceil(devices / processes);
}

/** Open files that one process may have, or undefined where the system does not say. Node itself
 *  raises the soft limit to the hard one at its start. */
export function openFileLimit(): number | undefined {
  try {
    const [, limit] =
      /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

/** @param ownHub whether a hub of this machine holds the other ends of all connections
 *  @throws FleetError config_invalid that names the number that would do */
export function requireRoom(
  wanted: { devices: number; processes: number; ownHub: boolean },
  limit = openFileLimit(),
): void {
  if (limit === undefined) return;
  const room = limit - beside;
  const { devices, processes, ownHub } = wanted;
  const perProcess = devicesPerProcess(devices, processes);
  if (perProcess > room) {
    const hint = `Use --processes ${Math.ceil(devices / Math.max(1, room))} or more, or raise the limit (ulimit -n).`;
    throw tooMany(`${perProcess} devices in one process`, limit, hint);
  }
  if (ownHub && devices > room) {
    throw tooMany(`a hub with ${devices} connections`, limit, "Raise the limit (ulimit -n).");
  }
}

function tooMany(what: string, limit: number, hint: string): FleetError {
  return new FleetError("config_invalid", {
    message: `${what} would need more than the ${limit} open files that a process may have here`,
    hint,
  });
}
