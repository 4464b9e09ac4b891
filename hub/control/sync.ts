// A forced look: the hub fetches the repository now, computes anew, and has devices look and report at once.
import type { Bus } from "#hub/bus.ts";
import type { DesiredController } from "#hub/desired/controller.ts";
import type { GitWatcher } from "#hub/git/watch.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { DeviceRow, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import { matches, parseSelector } from "#shared/selector.ts";
import { deploymentNamed } from "./target.ts";
import { eventOf } from "./words.ts";

/** All that is given must hold; nothing given means the whole fleet. */
interface SyncScope {
  device?: DeviceId;
  deployment?: AppName;
  labelSelector?: string;
}

export interface SyncOutcome {
  /** Whether the repository was fetched and taken in just now. */
  fetched: boolean;
  /** Why it was not, or why what was found cannot be taken in. */
  problem: string | null;
  /** Devices that were looked at. */
  devices: number;
  /** Of these, the ones that are connected and were asked to look and report. */
  asked: number;
}

interface Options {
  store: Pick<Store, "allDevices" | "addEvents">;
  git: Pick<GitWatcher, "poke" | "status">;
  fleet: { snapshot(): FleetSnapshot | undefined };
  desired: Pick<DesiredController, "reconcile" | "repeat">;
  bus: Bus;
  clock: Clock;
  /** Ms for which the repository is waited for; devices look without it then. */
  patienceMs?: number;
}

export interface ForcedSync {
  /** @throws FleetError not_found, request_invalid */
  sync(scope: SyncScope, operator: string): Promise<SyncOutcome>;
}

export function createForcedSync(options: Options): ForcedSync {
  const { store, git, fleet, desired, bus, clock, patienceMs = 8000 } = options;
  /** @returns whether it came to its end in time and well */
  const fetched = async (): Promise<boolean> => {
    const patience = new AbortController();
    const looked = git.poke().then(() => true);
    const late = clock.sleep(patienceMs, patience.signal).then(() => false);
    const isDone = await Promise.race([looked, late]);
    patience.abort();
    return isDone && git.status().reachable;
  };
  const chosen = async (scope: SyncScope): Promise<DeviceRow[]> => {
    const selectors = [
      parseSelector(scope.labelSelector ?? ""),
      scope.deployment === undefined
        ? []
        : deploymentNamed(fleet.snapshot(), scope.deployment).selector,
    ];
    const rows = await store.allDevices(scope.device === undefined ? undefined : [scope.device]);
    return rows.filter(({ labels }) => selectors.every((selector) => matches(selector, labels)));
  };
  const tell = async (scope: SyncScope, operator: string, count: number): Promise<void> => {
    const { device, deployment } = scope;
    const who = device === undefined ? `${count} devices` : "the device";
    const message = `${operator} asked ${who} to look and report now`;
    const words = { reason: "SyncOrdered", message, device };
    const app = deployment === undefined ? {} : { app: deployment };
    const events = await store.addEvents([eventOf({ ...words, ...app }, clock.now())]);
    for (const event of events) bus.emit("event", event);
  };
  return {
    sync: async (scope, operator) => {
      await chosen(scope);
      const isFetched = await fetched();
      // A commit that came just now may have changed who belongs to it.
      const rows = await chosen(scope);
      await desired.reconcile(rows.map(({ id }) => id));
      const present = rows.filter(({ connection }) => connection === "Online");
      // A desired state that comes again is a wish to look: signed, and harmless if it comes twice.
      for (const { id } of present) desired.repeat(id);
      await tell(scope, operator, rows.length);
      const problem = git.status().problem?.sentence ?? null;
      return { fetched: isFetched, problem, devices: rows.length, asked: present.length };
    },
  };
}
