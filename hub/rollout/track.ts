// The newest rollout of a deployment as the hub holds it in memory, and what it means for each device.
import type { OlderOf } from "#hub/desired/compute/compute.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { MemberRow, RolloutChange, RolloutRow } from "#hub/store/rollout_port.ts";
import type { AppName, DeviceId, Digest } from "#shared/ids.ts";
import type { Member, Rollout } from "./advance/model.ts";
import { placementOf } from "./advance/placement.ts";

/** A rollout with its devices, in the order in which they are released. */
export interface Track {
  row: RolloutRow;
  members: ReadonlyMap<DeviceId, MemberRow>;
}

export function trackOf(row: RolloutRow, members: readonly MemberRow[]): Track {
  return { row, members: new Map(members.map((one) => [one.member.device, one])) };
}

export function rolloutOf({ row, members }: Track): Rollout {
  const { id, policy, head } = row;
  return { id, policy, ...head, members: [...members.values()].map(({ member }) => member) };
}

/** The track after a change that was stored. */
export function changed({ row, members }: Track, change: RolloutChange): Track {
  const next = new Map(members);
  for (const joined of change.joined) next.set(joined.member.device, joined);
  for (const { device, before } of change.returned ?? []) {
    const known = next.get(device);
    if (known !== undefined) next.set(device, { ...known, before });
  }
  for (const member of change.marks) {
    const known = next.get(member.device);
    if (known !== undefined) next.set(member.device, { ...known, member });
  }
  const { head, isQuarantined, suspects, now, operator, reason } = change;
  const orderedBy = operator === undefined ? {} : { operator };
  const because = reason === undefined ? {} : { reason };
  return {
    row: {
      ...row,
      ...{ head, isQuarantined, suspects, changedAt: now, version: row.version + 1 },
      ...orderedBy,
      ...because,
    },
    members: next,
  };
}

/** The snapshot that a device is to have; undefined: the newest. */
export function snapshotFor(track: Track, device: DeviceId): string | undefined {
  const { row, members } = track;
  const known = members.get(device);
  const place = placementOf(row.head.state, known?.member);
  if (place === "newest") return undefined;
  return place === "before" && known !== undefined ? known.before : baseOf(track, device);
}

/** The snapshot that a device returns to. */
export function baseOf({ row, members }: Track, device: DeviceId): string {
  return members.get(device)?.base ?? row.base;
}

/** Devices for which the change means another rendering.
 *  @param others that have no place in the rollout */
export function movedBy(before: Track, after: Track, others: Iterable<DeviceId>): DeviceId[] {
  const ids = new Set([...before.members.keys(), ...after.members.keys(), ...others]);
  return [...ids].filter((id) => snapshotFor(before, id) !== snapshotFor(after, id));
}

/** What all rollouts together say about devices; the desired state reads it. */
export interface Placements {
  olderOf(device: DeviceId): OlderOf;
  /** Releases that a device may have to return to. */
  inUse(): Digest[];
}

export interface Tracks extends Placements {
  readonly byDeployment: Map<AppName, Track>;
  readonly snapshots: Map<string, FleetSnapshot>;
  /** Snapshots that any track names. */
  named(): Set<string>;
}

export function createTracks(): Tracks {
  const byDeployment = new Map<AppName, Track>();
  const snapshots = new Map<string, FleetSnapshot>();
  return {
    byDeployment,
    snapshots,
    olderOf: (device) => (deployment) => {
      const track = byDeployment.get(deployment);
      const id = track === undefined ? undefined : snapshotFor(track, device);
      return id === undefined ? undefined : snapshots.get(id);
    },
    inUse: () => [...snapshots.values()].flatMap(digestsOf),
    named: () => new Set([...byDeployment.values()].flatMap(namesOf)),
  };
}

function namesOf({ row, members }: Track): string[] {
  const own = [...members.values()].flatMap(({ before, base = before }) => [before, base]);
  return [row.base, row.target, ...row.cohortBases.map(({ base }) => base), ...own];
}

function digestsOf({ branches }: FleetSnapshot): Digest[] {
  return Object.values(branches).flatMap(({ roles }) =>
    Object.values(roles).map(({ digest }) => digest),
  );
}

export function freshMember(device: DeviceId): Member {
  return { device, state: "Pending", step: null, deadlineAt: null, reason: null };
}
