// Follows the fleet by the hub's API and says each change once, in words for a person.
import { FleetError } from "#shared/errors.ts";
import type { BranchNow, DeviceNow, HubClient } from "./hub_client.ts";

/** What is followed. */
export interface Followed {
  hub: HubClient;
  devices: readonly string[];
  /** Unix ms; what a device said before it tells nothing of now. */
  startedAt: number;
}

export interface FleetNow {
  devices: DeviceNow[];
  /** All devices are there, Synced and Healthy, and have said so since the start. */
  converged: boolean;
  /** What is wrong with the fleet repository, by subject. */
  faults: ReadonlyMap<string, string>;
  /** No commit was ever accepted, and the faults say why: there is nothing that a device could run. */
  blocked: boolean;
}

export interface Follower {
  /** Until all devices are Synced and Healthy, or nothing can be run at all, or the signal ends it.
   *  @returns what was seen last */
  untilConverged(signal: AbortSignal): Promise<FleetNow>;
  /** For as long as the process lives. */
  on(): Promise<void>;
}

interface Known {
  said: Map<string, string>;
  /** Devices that have reported since the start. */
  fresh: Set<string>;
}

const pauseMs = 200;

export function createFollower(fleet: Followed, say: (line: string) => void): Follower {
  const known: Known = { said: new Map(), fresh: new Set() };
  let latest: FleetNow = { devices: [], converged: false, faults: new Map(), blocked: false };
  const round = async (): Promise<void> => {
    latest = (await look(fleet, known).catch(whileAway)) ?? latest;
    for (const line of changesOf(known.said, latest)) say(line);
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, pauseMs));
  return {
    untilConverged: async (signal) => {
      while (!signal.aborted) {
        await round();
        if (latest.converged || latest.blocked) break;
        await pause();
      }
      return latest;
    },
    on: async () => {
      for (;;) {
        await round();
        await pause();
      }
    },
  };
}

/** A hub that is being started again answers soon. */
function whileAway(error: unknown): undefined {
  if (error instanceof FleetError && error.code === "hub_unreachable") return undefined;
  throw error;
}

async function look(fleet: Followed, known: Known): Promise<FleetNow> {
  const { hub, startedAt } = fleet;
  const [all, branches] = await Promise.all([hub.devices(), hub.branches()]);
  const devices = all.filter(({ id }) => fleet.devices.includes(id));
  const faults = await faultsOf(hub, branches, startedAt);
  const blocked = faults.size > 0 && branches.every(({ accepted }) => accepted === null);
  const complete = devices.length === fleet.devices.length && devices.every(isConverged);
  const converged = complete && (await areFresh(fleet, known));
  return { devices, converged, faults, blocked };
}

/** The hub keeps what a device said last, even if that was before its services were ended. */
async function areFresh({ hub, devices, startedAt }: Followed, { fresh }: Known): Promise<boolean> {
  for (const device of devices) {
    if (fresh.has(device)) continue;
    if (((await hub.reportedAt(device)) ?? 0) < startedAt) return false;
    fresh.add(device);
  }
  return true;
}

async function faultsOf(
  hub: HubClient,
  branches: readonly BranchNow[],
  startedAt: number,
): Promise<Map<string, string>> {
  const faults = new Map<string, string>();
  for (const { branch, refusal } of branches) {
    if (refusal !== null) faults.set(`branch ${branch}`, `is refused: ${refusal}`);
  }
  const trouble = await hub.repositoryTrouble(startedAt);
  if (trouble !== undefined) faults.set("repository", trouble);
  return faults;
}

/** A short line for each change that a person would want to see. */
function changesOf(said: Map<string, string>, { devices, faults }: FleetNow): string[] {
  const lines: string[] = [];
  const tell = (subject: string, now: string): void => {
    if (said.get(subject) !== now) lines.push(`${subject.padEnd(25)} ${now}`);
    said.set(subject, now);
  };
  for (const [subject, fault] of faults) tell(subject, fault);
  for (const subject of said.keys()) {
    if (subject.startsWith("branch ") && !faults.has(subject)) tell(subject, "is accepted");
  }
  for (const { id, apps } of devices) {
    for (const { name, sync, health, step, failure } of apps) {
      const doing = step === undefined ? "" : ` (${step})`;
      const why = failure === undefined ? "" : `: ${failure.message}`;
      tell(`${id.padEnd(8)} ${name}`, `${sync}, ${health}${doing}${why}`);
    }
  }
  return lines;
}

export function isConverged(device: DeviceNow): boolean {
  return (
    device.desiredGeneration > 0 &&
    device.connection === "Online" &&
    device.sync === "Synced" &&
    device.health === "Healthy"
  );
}
