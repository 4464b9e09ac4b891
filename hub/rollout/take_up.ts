// Takes the accepted commits up: stores them with the rollouts that they begin and end, and loads what is stored.
import { sourceOf } from "#hub/desired/compute/render.ts";
import { type Deployment, entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { HubEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { faultPoint } from "#shared/fault.ts";
import type { AppName } from "#shared/ids.ts";
import { beginnings, signatureOf } from "./begin.ts";
import { type Tracks, trackOf } from "./track.ts";
import { eventOf } from "./words.ts";

/** The state of the fleet that was followed last. */
export interface Followed {
  id: string;
  fleet: FleetSnapshot;
}

interface Parts {
  store: Store;
  tracks: Tracks;
  clock: Clock;
}

/** Stores the state of the fleet, and what it means for rollouts, in one transaction.
 *  @returns the events; null when another hub changed a rollout meanwhile: load, and try again */
export async function takeUp(
  { store, tracks, clock }: Parts,
  { id, fleet }: Followed,
  last: Followed | undefined,
): Promise<HubEvent[] | null> {
  const isWatched = tracks.byDeployment.size > 0 || deploymentsOf(fleet).some(hasPolicy);
  const devices = isWatched ? await store.allDevices() : [];
  const quarantined = await quarantinedIn(store, fleet);
  const now = clock.now();
  const next = beginnings({ fleet, last, tracks, devices, quarantined, now });
  faultPoint("before:rollout");
  return store.followFleet({
    snapshot: { id, fleet },
    begun: next.begun,
    ended: next.ended.map(({ row }) => row),
    events: next.tells.map((tell) => eventOf(tell, now)),
    now,
  });
}

function deploymentsOf(fleet: FleetSnapshot): Deployment[] {
  return entryOf(fleet.branches, fleet.defaultBranch)?.deployments ?? [];
}

function hasPolicy({ rollout }: Deployment): boolean {
  return rollout !== undefined;
}

async function quarantinedIn(
  store: Pick<Store, "isQuarantined">,
  fleet: FleetSnapshot,
): Promise<Set<AppName>> {
  const found = new Set<AppName>();
  for (const { name } of deploymentsOf(fleet).filter(hasPolicy)) {
    const source = sourceOf(fleet, name);
    if (source === undefined) continue;
    if (await store.isQuarantined(name, signatureOf(source))) found.add(name);
  }
  return found;
}

/** Fills the tracks from the store.
 *  @returns what was followed last */
export async function loadTracks(
  store: Store,
  { byDeployment, snapshots, named }: Tracks,
): Promise<Followed | undefined> {
  const latest = await store.latestRollouts();
  const id = await store.lastSnapshot();
  byDeployment.clear();
  for (const { row, members } of latest) byDeployment.set(row.deployment, trackOf(row, members));
  const wanted = named();
  if (id !== null) wanted.add(id);
  for (const known of snapshots.keys()) if (!wanted.has(known)) snapshots.delete(known);
  for (const name of wanted) {
    if (snapshots.has(name)) continue;
    const fleet = await store.snapshot(name);
    if (fleet !== null) snapshots.set(name, fleet);
  }
  const fleet = id === null ? undefined : snapshots.get(id);
  return id === null || fleet === undefined ? undefined : { id, fleet };
}
