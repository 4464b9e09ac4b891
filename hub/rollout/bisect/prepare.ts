// Reads what a bisect begins with: the rollout, its canaries, and both ends of the search.

import { sourceOf } from "#hub/desired/compute/render.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { Tell } from "#hub/rollout/advance/model.ts";
import { type Placed, revisionIn } from "#hub/rollout/begin.ts";
import { baseOf, freshMember, type Track } from "#hub/rollout/track.ts";
import { unknownRollout } from "#hub/rollout/words.ts";
import type { NewBisect } from "#hub/store/bisect_port.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { isBisectable } from "./advance.ts";
import { candidatesOf, contentFor, type End, spanOf, withEnds } from "./begin.ts";
import { chooseCanaries } from "./canaries.ts";
import type { BisectOptions, Given } from "./controller.ts";
import { placedIn } from "./look.ts";

export interface Prepared {
  row: Omit<NewBisect, "beganAt">;
  tell: Tell;
}

type Parts = Pick<BisectOptions, "store" | "tracks" | "releases" | "history" | "pins">;

/** @throws FleetError not_found, state_conflict, request_invalid; what passes by itself */
export async function prepare(parts: Parts, rollout: number, given: Given): Promise<Prepared> {
  const track = trackOf(parts, rollout);
  const { deployment, branch, commit, policy } = track.row;
  const { places, isProven } = await canariesOf(parts, { track, given });
  const bases = new Set(places.map(({ id }) => baseOf(track, id)));
  const { base, target } = endsOf(parts, track, bases);
  const span = spanOf(branch, base, commit);
  const { good, bad } = span;
  const [info, between] = await Promise.all([
    parts.history.commitInfo(good).catch(() => undefined),
    parts.history.commitsBetween(good, bad),
  ]);
  const all = candidatesOf(
    info ?? { commit: good, author: "", subject: "", committedAt: 0 },
    between,
  );
  const standing = contentFor(base, deployment, places);
  const [goodEnd, badEnd] = [
    await contentAt(parts, track, good, places),
    contentFor(target, deployment, places),
  ];
  const commits = withEnds(
    all,
    // A commit that cannot be read any more is taken at its word: it was promoted.
    endOf(goodEnd ?? standing, bases.size === 1 && (goodEnd ?? standing) === standing),
    endOf(badEnd, isProven),
  );
  const canaries = places.map(({ id }) => freshMember(id));
  const { operator, reason } = given;
  const start = { state: "Testing", testing: null, bakeUntil: null, outcome: null } as const;
  const names = canaries.map(({ device }) => device).join(", ");
  const message = `${operator} began a bisect over ${all.length - 1} commits on ${names}: ${reason}`;
  return {
    row: {
      ...{ rollout, deployment, branch, operator, reason, fleet: null },
      bisect: { ...start, commits, canaries, policy },
    },
    tell: { type: "Normal", reason: "BisectBegan", message },
  };
}

function endOf(content: string | undefined, isProven: boolean): End {
  return { content, isProven };
}

function trackOf({ tracks }: Parts, rollout: number): Track {
  const track = [...tracks.byDeployment.values()].find(({ row }) => row.id === rollout);
  if (track === undefined) throw unknownRollout(rollout);
  const { state } = track.row.head;
  if (isBisectable(state)) return track;
  throw new FleetError("state_conflict", {
    message: `rollout ${rollout} is ${state}; a bisect means something only while it is Halted or Undone`,
    hint: "Halt it first.",
    subject: String(rollout),
  });
}

/** @param bases of the canaries; where they differ, the search begins with what was promoted last */
function endsOf(
  { tracks }: Parts,
  { row }: Track,
  bases: ReadonlySet<string>,
): Record<"base" | "target", FleetSnapshot> {
  const [only = row.base] = bases.size === 1 ? bases : [];
  const [base, target] = [tracks.snapshots.get(only), tracks.snapshots.get(row.target)];
  if (base !== undefined && target !== undefined) return { base, target };
  throw unknownBeginning({ row });
}

function unknownBeginning({ row }: Pick<Track, "row">): FleetError {
  return new FleetError("state_conflict", {
    message: `the hub does not know any more what rollout ${row.id} began from`,
    hint: "Undo it, or commit a fix: the next rollout knows its beginning.",
    subject: String(row.id),
  });
}

interface Wanted {
  track: Track;
  given: Given;
}

async function canariesOf(
  { store, pins, tracks }: Parts,
  { track, given }: Wanted,
): Promise<{ places: Placed[]; isProven: boolean }> {
  const { deployment } = track.row;
  const target = tracks.snapshots.get(track.row.target);
  if (target === undefined) throw unknownBeginning(track);
  const members = [...track.members.values()].map(({ member }) => member);
  const rows = await store.allDevices(members.map(({ device }) => device));
  const placed = new Map(placedIn(target, deployment, rows).map((one) => [one.id, one]));
  const source = sourceOf(target, deployment);
  const { canaries, isProven } = chooseCanaries({
    ...{ deployment, members, rows, failed: await failedIn(store, track), wanted: given.devices },
    targetOf: (device) => {
      const place = placed.get(device);
      return place === undefined ? undefined : revisionIn(source, place);
    },
    isPinned: (device) => {
      const place = placed.get(device);
      return place !== undefined && pins?.on(deployment, place) !== undefined;
    },
  });
  return { places: canaries.flatMap((id) => placed.get(id) ?? []), isProven };
}

/** Of the newest so many failures of the whole fleet. */
const lookedAtFailures = 500;

async function failedIn(store: Parts["store"], { row }: Track): Promise<Set<DeviceId>> {
  const { rows } = await store.events({ reason: "RolloutDeviceFailed", limit: lookedAtFailures });
  const own = rows.filter(({ app, at }) => app === row.deployment && at >= row.beganAt);
  return new Set(own.flatMap(({ device }) => device ?? []));
}

/** Undefined when the commit cannot be read any more. */
async function contentAt(
  { releases }: Parts,
  { row }: Track,
  commit: string,
  places: readonly Placed[],
): Promise<string | undefined> {
  try {
    return contentFor(await releases.checked(row.branch, commit), row.deployment, places);
  } catch (thrown) {
    const error = asFleetError(thrown);
    if (error.retry === "later") throw error;
    return undefined;
  }
}
