// Keeps what is known of the devices of each rollout's deployment, read again only where something changed.
import { type Source, sourceOf } from "#hub/desired/compute/render.ts";
import { type Deployment, entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { DeviceRow, Store } from "#hub/store/port.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import { factOf } from "./advance/fact.ts";
import type { Fact } from "./advance/model.ts";
import { devicesOf, type Placed, revisionIn } from "./begin.ts";

/** The devices of one deployment. */
export interface View {
  facts: Map<DeviceId, Fact>;
  devices: Map<DeviceId, Placed>;
}

export interface Look {
  /** Reads every device, for a new state of the fleet.
   *  @param names deployments that have a rollout */
  renew(fleet: FleetSnapshot, names: readonly AppName[], rows: readonly DeviceRow[]): void;
  /** Reads again the devices that changed since. */
  refresh(): Promise<void>;
  touch(id: DeviceId): void;
  view(deployment: AppName): View | undefined;
}

interface Watched extends View {
  deployment: Deployment;
  newest: Source | undefined;
}

export function createLook(store: Pick<Store, "allDevices">): Look {
  const touched = new Set<DeviceId>();
  const watched = new Map<AppName, Watched>();
  let fleet: FleetSnapshot | undefined;

  const take = (one: Watched, row: DeviceRow): void => {
    const [device] = fleet === undefined ? [] : devicesOf(fleet, one.deployment, [row]);
    if (device === undefined) {
      one.facts.delete(row.id);
      one.devices.delete(row.id);
      return;
    }
    const { labels } = device;
    one.devices.set(row.id, device);
    const target = revisionIn(one.newest, device);
    one.facts.set(row.id, factOf({ ...row, labels }, one.deployment.name, target));
  };
  return {
    renew: (next, names, rows) => {
      fleet = next;
      watched.clear();
      touched.clear();
      const main = entryOf(next.branches, next.defaultBranch);
      for (const deployment of main?.deployments ?? []) {
        if (!names.includes(deployment.name)) continue;
        const newest = sourceOf(next, deployment.name);
        const one: Watched = { deployment, newest, facts: new Map(), devices: new Map() };
        for (const row of rows) take(one, row);
        watched.set(deployment.name, one);
      }
    },
    refresh: async () => {
      if (touched.size === 0 || watched.size === 0) return;
      const ids = [...touched];
      touched.clear();
      try {
        const rows = await store.allDevices(ids);
        for (const one of watched.values()) for (const row of rows) take(one, row);
      } catch (error) {
        for (const id of ids) touched.add(id);
        throw error;
      }
    },
    touch: (id) => void touched.add(id),
    view: (deployment) => watched.get(deployment),
  };
}
