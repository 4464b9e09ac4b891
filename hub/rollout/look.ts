// Keeps what is known of the devices of each rollout's deployment, read again only where something changed.
import { editedValues } from "#hub/control/compute/edits.ts";
import type { Pins } from "#hub/control/pins.ts";
import { type Source, sourceOf } from "#hub/desired/compute/render.ts";
import { type Deployment, entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { DeviceRow, Store } from "#hub/store/port.ts";
import { canonicalJson } from "#shared/canonical.ts";
import type { AppName, DeviceId, RevisionId } from "#shared/ids.ts";
import { factOf } from "./advance/fact.ts";
import type { Fact } from "./advance/model.ts";
import { devicesOf, type Placed, revisionIn } from "./begin.ts";
import type { Tracks } from "./track.ts";

/** The devices of one deployment. */
export interface View {
  facts: ReadonlyMap<DeviceId, Fact>;
  /** Devices on which the newest rendering is not the last promoted one. */
  differing: ReadonlySet<DeviceId>;
}

export interface Look {
  /** Reads every device of the deployments that have a rollout, for a new state of the fleet. */
  renew(fleet: FleetSnapshot, tracks: Pick<Tracks, "byDeployment" | "snapshots">): Promise<void>;
  /** Reads again the devices that changed since. */
  refresh(): Promise<void>;
  touch(id: DeviceId): void;
  view(deployment: AppName): View | undefined;
}

interface Watched {
  deployment: Deployment;
  newest: Source | undefined;
  base: Source | undefined;
  facts: Map<DeviceId, Fact>;
  differing: Set<DeviceId>;
  /** The newest revision on each device, under the labels and edits that it was rendered with. */
  targets: Map<DeviceId, { place: string; revision: RevisionId | undefined }>;
}

export function createLook(store: Pick<Store, "allDevices">, pins?: Pick<Pins, "on">): Look {
  const touched = new Set<DeviceId>();
  let watched = new Map<AppName, Watched>();
  let fleet: FleetSnapshot | undefined;

  const take = (row: DeviceRow): void => {
    if (fleet === undefined) return;
    for (const one of watched.values()) {
      const [device] = devicesOf(fleet, one.deployment, [row]);
      if (device === undefined) forget(one, row.id);
      else learn(one, device, row, pins);
    }
  };
  return {
    renew: async (next, { byDeployment, snapshots }) => {
      fleet = next;
      watched = new Map();
      touched.clear();
      const main = entryOf(next.branches, next.defaultBranch);
      for (const deployment of main?.deployments ?? []) {
        const track = byDeployment.get(deployment.name);
        if (track === undefined) continue;
        watched.set(deployment.name, watch(deployment, next, snapshots.get(track.row.base)));
      }
      if (watched.size > 0) for (const row of await store.allDevices()) take(row);
    },
    refresh: async () => {
      if (touched.size === 0 || watched.size === 0) return;
      const ids = [...touched];
      touched.clear();
      try {
        for (const row of await store.allDevices(ids)) take(row);
      } catch (error) {
        for (const id of ids) touched.add(id);
        throw error;
      }
    },
    touch: (id) => void touched.add(id),
    view: (deployment) => watched.get(deployment),
  };
}

function watch(
  deployment: Deployment,
  newest: FleetSnapshot,
  base: FleetSnapshot | undefined,
): Watched {
  return {
    deployment,
    newest: sourceOf(newest, deployment.name),
    base: base === undefined ? undefined : sourceOf(base, deployment.name),
    facts: new Map(),
    differing: new Set(),
    targets: new Map(),
  };
}

function forget({ facts, differing, targets }: Watched, id: DeviceId): void {
  facts.delete(id);
  differing.delete(id);
  targets.delete(id);
}

/** Rendering costs more than all the rest, and depends on nothing but the labels and the edited values. */
function learn(one: Watched, device: Placed, row: DeviceRow, pins?: Pick<Pins, "on">): void {
  const { deployment, newest, base, targets, differing, facts } = one;
  const place = canonicalJson([device.labels, editedValues(device.edits)]);
  let known = targets.get(device.id);
  if (known?.place !== place) {
    known = { place, revision: revisionIn(newest, device) };
    targets.set(device.id, known);
    const before = revisionIn(base, device);
    if (before === undefined || before === known.revision) differing.delete(device.id);
    else differing.add(device.id);
  }
  const { name } = deployment;
  const fact = factOf({ ...row, labels: device.labels }, name, known.revision);
  const pin = pins?.on(name, device);
  facts.set(device.id, pin === undefined ? fact : { ...fact, isHeld: true, isPinned: true });
}
