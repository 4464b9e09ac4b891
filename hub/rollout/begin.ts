// What a new state of the fleet means for rollouts: which begin, which end, which go on; pure.
import { effectiveLabels } from "#hub/desired/compute/compute.ts";
import { type RenderedDevice, render, type Source, sourceOf } from "#hub/desired/compute/render.ts";
import { type Deployment, entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import type { MemberRow, NewRollout } from "#hub/store/rollout_port.ts";
import { byCodeUnit, canonicalHash } from "#shared/canonical.ts";
import { revisionOf } from "#shared/desired.ts";
import type { AppName, DeviceId, RevisionId } from "#shared/ids.ts";
import { matches } from "#shared/selector.ts";
import type { Tell } from "./advance/model.ts";
import { type Bases, basesAfter } from "./base.ts";
import { freshMember, snapshotFor, type Track, type Tracks } from "./track.ts";

export type Placed = RenderedDevice;

type Known = Pick<DeviceRow, "id" | "inventoryLabels" | "agentLabels" | "edits">;

/** Names a state of the fleet by the commits that it is made of. */
export function snapshotId({ defaultBranch, branches }: FleetSnapshot): string {
  const commits = Object.values(branches).map(({ branch, commit }) => [branch, commit]);
  return canonicalHash([defaultBranch, commits.toSorted(([a = ""], [b = ""]) => byCodeUnit(a, b))]);
}

/** Everything that a deployment renders, whatever the commit and the device. */
export function signatureOf({ deployment, branch, release }: Source): string {
  const { role, digest, values, policy } = release;
  const own = branch.deployments.find(({ name }) => name === deployment.name) ?? deployment;
  const sites = Object.entries(branch.sites).map(([site, entry]) => [site, entry.values]);
  const devices = Object.entries(branch.devices).map(([device, entry]) => [device, entry.values]);
  const layers = [values, branch.values, own.values, sites, devices];
  return canonicalHash({ role, digest, policy, layers });
}

export function revisionIn(source: Source | undefined, device: Placed): RevisionId | undefined {
  return source === undefined ? undefined : revisionOf(render(source, device));
}

interface Input {
  fleet: FleetSnapshot;
  /** The state that was followed until now; absent at the first. */
  last: { id: string; fleet: FleetSnapshot } | undefined;
  tracks: Pick<Tracks, "byDeployment" | "snapshots">;
  devices: readonly Known[];
  /** Deployments whose content, as it is now, was quarantined. */
  quarantined: ReadonlySet<AppName>;
  /** Unix ms. */
  now: number;
}

export interface Beginning {
  begun: NewRollout[];
  ended: Track[];
  tells: Tell[];
}

/** A rollout goes on while the new commits change nothing for its devices. Pure. */
export function beginnings(input: Input): Beginning {
  const { fleet, tracks } = input;
  const result: Beginning = { begun: [], ended: [], tells: [] };
  const main = entryOf(fleet.branches, fleet.defaultBranch);
  const names = namesIn(fleet);
  for (const deployment of main?.deployments ?? []) consider(input, deployment, result);
  for (const [name, track] of tracks.byDeployment) {
    // What was promoted, and for whom it was not, holds again when the deployment comes back.
    const isGone = !names.has(name) && track.row.head.state !== "Promoted";
    if (isGone) end(result, track, "the deployment is gone");
  }
  return result;
}

function consider(input: Input, deployment: Deployment, result: Beginning): void {
  const track = input.tracks.byDeployment.get(deployment.name);
  if (deployment.rollout === undefined) {
    end(result, track, "the deployment has no policy any more");
    return;
  }
  const change = changeOf(input, deployment);
  if (change === undefined) return;
  const name = nameOf(change.newest);
  const bases = basesAfter(track, change.last);
  const members = membersOf(input, change, bases);
  end(result, track, members.length === 0 ? `${name} is what its devices have` : `${name} follows`);
  if (members.length === 0) return;
  const rollout = newRollout(input, { ...change, policy: deployment.rollout, members, bases });
  result.begun.push(rollout);
  result.tells.push(...beginningInWords(rollout, name));
}

interface Change {
  newest: Source;
  before: Source;
  last: string;
  devices: readonly Placed[];
}

/** Undefined when the new commits change nothing for any device of the deployment. */
function changeOf(input: Input, deployment: Deployment): Change | undefined {
  const newest = sourceOf(input.fleet, deployment.name);
  const had = standing(input, deployment.name);
  if (newest === undefined || had === undefined) return undefined;
  const { before, last } = had;
  if (signatureOf(newest) === signatureOf(before)) return undefined;
  const devices = devicesOf(input.fleet, deployment, input.devices);
  const differs = (one: Placed): boolean => revisionIn(before, one) !== revisionIn(newest, one);
  return devices.some(differs) ? { newest, before, last, devices } : undefined;
}

/** What the deployment was until now. While its branch could not be read its devices kept what they had, which
 *  is what its newest rollout gave them. One that comes back after it was gone comes back as it was good. */
function standing(
  { last, tracks }: Input,
  name: AppName,
): Pick<Change, "before" | "last"> | undefined {
  const row = tracks.byDeployment.get(name)?.row;
  const wasGone = last !== undefined && !namesIn(last.fleet).has(name);
  const id = wasGone && row?.head.state === "Superseded" ? row.base : row?.target;
  const known = id === undefined ? undefined : tracks.snapshots.get(id);
  for (const one of [last, id !== undefined && known && { id, fleet: known }]) {
    const before = one ? sourceOf(one.fleet, name) : undefined;
    if (one && before !== undefined) return { before, last: one.id };
  }
  return undefined;
}

function namesIn({ branches, defaultBranch }: FleetSnapshot): Set<AppName> {
  const main = entryOf(branches, defaultBranch);
  return new Set(main?.deployments.map(({ name }) => name));
}

function nameOf({ deployment, branch }: Source): string {
  return `${deployment.name} at ${branch.branch} ${branch.commit.slice(0, 8)}`;
}

function beginningInWords({ members, isQuarantined, policy }: NewRollout, name: string): Tell[] {
  const devices = `${members.length} device${members.length === 1 ? "" : "s"}`;
  const message = `${name} begins to roll out to ${devices} in ${policy.steps.length} steps`;
  if (!isQuarantined) return [{ type: "Normal", reason: "RolloutBegan", message }];
  const held = `${name} is halted from the start: the same content was quarantined before; resume lifts it`;
  return [{ type: "Warning", reason: "RolloutHalted", message: held }];
}

function end(result: Beginning, track: Track | undefined, why: string): void {
  if (track === undefined || isDone(track)) return;
  result.ended.push(track);
  const { id, deployment, head } = track.row;
  const pinned = head.state === "Undone" ? "; Git says otherwise now, so the pin is lifted" : "";
  const message = `rollout ${id} of ${deployment} is over: ${why}${pinned}`;
  if (head.state !== "Promoted")
    result.tells.push({ type: "Normal", reason: "RolloutSuperseded", message });
}

/** Nothing of it keeps a device from the newest rendering. */
function isDone(track: Track): boolean {
  const { state } = track.row.head;
  if (state === "Superseded") return true;
  const isBack = (id: DeviceId): boolean => snapshotFor(track, id) !== undefined;
  return state === "Promoted" && ![...track.members.keys()].some(isBack);
}

/** Devices that the deployment selects. */
export function devicesOf(
  fleet: FleetSnapshot,
  { selector }: Deployment,
  devices: readonly Known[],
): Placed[] {
  return devices
    .map((one) => ({ id: one.id, edits: one.edits, labels: effectiveLabels(fleet, one) }))
    .filter(({ labels }) => matches(selector, labels));
}

/** Devices whose rendering changes, in an order that is random and yet the same each time; with them those that
 *  have the newest already, where the base is another: it would come to whoever has no place in the rollout. */
function membersOf(
  { tracks }: Input,
  { newest, before: had, last, devices }: Change,
  bases: Bases,
): MemberRow[] {
  const { name } = newest.deployment;
  const track = tracks.byDeployment.get(name);
  const sources = new Map<string, Source | undefined>([[last, had]]);
  const sourceIn = (id: string): Source | undefined => {
    if (!sources.has(id)) {
      const fleet = tracks.snapshots.get(id);
      sources.set(id, fleet === undefined ? undefined : sourceOf(fleet, name));
    }
    return sources.get(id);
  };
  const seed = signatureOf(newest);
  const placed = devices.flatMap((device) => {
    const before = (track === undefined ? undefined : snapshotFor(track, device.id)) ?? last;
    const has = revisionIn(sourceIn(before), device);
    if (has === undefined) return [];
    const wanted = revisionIn(newest, device);
    const changes = has !== wanted;
    if (!changes && revisionIn(sourceIn(bases.base), device) === wanted) return [];
    const base = bases.of(device.id);
    const own = base === bases.base ? {} : { base };
    const row: MemberRow = { member: freshMember(device.id), before, ...own };
    return [{ row, changes, place: canonicalHash([seed, device.id]) }];
  });
  if (!placed.some(({ changes }) => changes)) return [];
  return placed.toSorted((a, b) => byCodeUnit(a.place, b.place)).map(({ row }) => row);
}

interface Parts extends Pick<Change, "newest"> {
  policy: RolloutPolicy;
  members: MemberRow[];
  bases: Bases;
}

function newRollout(input: Input, { newest, policy, members, bases }: Parts): NewRollout {
  const { deployment, branch, release } = newest;
  const signature = signatureOf(newest);
  const isQuarantined = input.quarantined.has(deployment.name);
  return {
    deployment: deployment.name,
    branch: branch.branch,
    commit: branch.commit,
    digest: release.digest,
    target: snapshotId(input.fleet),
    base: bases.base,
    cohortBases: bases.cohortBases,
    signature,
    isQuarantined,
    head: {
      state: isQuarantined ? "Halted" : "Progressing",
      step: 0,
      bakeUntil: null,
      approved: -1,
      isForced: false,
      cohorts: [],
    },
    policy,
    beganAt: input.now,
    members,
  };
}
