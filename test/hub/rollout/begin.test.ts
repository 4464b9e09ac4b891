// When rollouts begin and end as the state of the fleet changes.
import assert from "node:assert/strict";
import { noEdits } from "#hub/control/overrides.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { RolloutState } from "#hub/rollout/advance/model.ts";
import { type Beginning, beginnings, snapshotId } from "#hub/rollout/begin.ts";
import { createTracks, type Tracks, trackOf } from "#hub/rollout/track.ts";
import { sha256 } from "#shared/canonical.ts";
import { AppName, DeviceId, Digest } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/rollout beginnings");
const name = AppName.parse("robots");
const devices = ["a", "b"].map((id) => ({
  id: DeviceId.parse(id),
  agentLabels: {},
  edits: noEdits,
}));

function fleetAt(version: number, isStaged = true): FleetSnapshot {
  const digest = Digest.parse(sha256(`version ${version}`));
  const policy = { gracePeriodMs: 1000, stableMs: 0 };
  const robot = { role: "robot", digest, size: 1, values: {}, policy, rules: { maxHoldMs: 0 } };
  const empty = { values: {}, sites: {}, devices: {} };
  const deployment = { name, selector: [], role: "robot", branch: "staging", values: {} };
  const rollout = RolloutPolicy.parse({});
  const main = { ...empty, branch: "main", commit: "0".repeat(40), roles: {} };
  const commit = String(version).repeat(40);
  const staging = { ...empty, branch: "staging", commit, deployments: [], roles: { robot } };
  return {
    defaultBranch: "main",
    branches: {
      main: { ...main, deployments: [{ ...deployment, rollout }] },
      ...(isStaged ? { staging } : {}),
    },
  };
}

function follow(fleet: FleetSnapshot, last: FleetSnapshot | undefined, tracks: Tracks): Beginning {
  return beginnings({
    ...{ fleet, tracks, devices, quarantined: new Set<AppName>(), now: 1 },
    last: last === undefined ? undefined : { id: snapshotId(last), fleet: last },
  });
}

/** Tracks as they are after a rollout to this version was promoted, or stands or ended otherwise. */
function promoted(version: number, state: RolloutState = "Promoted"): Tracks {
  const tracks = createTracks();
  const [begun] = follow(fleetAt(version), fleetAt(version - 1), tracks).begun;
  assert.ok(begun !== undefined);
  const { members, ...row } = begun;
  const head = { ...row.head, state };
  const rest = { id: 1, version: 1, suspects: [], operator: null, reason: null, changedAt: 1 };
  tracks.byDeployment.set(name, trackOf({ ...row, head, ...rest }, members));
  for (const known of [fleetAt(version - 1), fleetAt(version)])
    tracks.snapshots.set(snapshotId(known), known);
  return tracks;
}

test("the first state of the fleet goes to all at once, and so does a deployment that is new", () => {
  assert.deepEqual(follow(fleetAt(1), undefined, createTracks()).begun, []);
  assert.deepEqual(follow(fleetAt(1), fleetAt(1, false), createTracks()).begun, []);
});

test("the same content begins nothing, another one does, for the devices that change", () => {
  assert.deepEqual(follow(fleetAt(1), fleetAt(1), createTracks()).begun, []);
  const { begun, tells } = follow(fleetAt(2), fleetAt(1), createTracks());
  assert.deepEqual(begun[0]?.members.map(({ member }) => member.device).toSorted(), ["a", "b"]);
  assert.equal(
    tells[0]?.message,
    "robots at staging 22222222 begins to roll out to 2 devices in 1 steps",
  );
});

test("a branch that could not be read for a while begins a rollout as it returns with other content", () => {
  const tracks = promoted(2);
  assert.deepEqual(follow(fleetAt(2, false), fleetAt(2), tracks).begun, []);
  assert.deepEqual(follow(fleetAt(2), fleetAt(2, false), tracks).begun, []);
  const [begun] = follow(fleetAt(3), fleetAt(2, false), tracks).begun;
  assert.equal(begun?.members.length, 2);
  assert.equal(begun?.base, snapshotId(fleetAt(2)));
});

test("a deployment that was gone comes back with what was promoted last, and the newest by steps", () => {
  const { branches, ...rest } = fleetAt(2);
  const { main, staging } = branches;
  assert.ok(main !== undefined && staging !== undefined);
  const gone = { ...rest, branches: { staging, main: { ...main, deployments: [] } } };
  assert.equal(follow(gone, fleetAt(2), promoted(2)).ended.length, 0);
  assert.equal(follow(gone, fleetAt(2), promoted(2, "Halted")).ended.length, 1);
  const [afterGood] = follow(fleetAt(3), gone, promoted(2)).begun;
  const [afterBad] = follow(fleetAt(3), gone, promoted(2, "Superseded")).begun;
  assert.equal(afterGood?.base, snapshotId(fleetAt(2)));
  assert.equal(afterBad?.base, snapshotId(fleetAt(1)));
  assert.deepEqual(
    new Set(afterBad?.members.map(({ before }) => before)),
    new Set([afterBad?.base]),
  );
});

test("the order of release is random over devices and the same each time", () => {
  const order = (): string[] =>
    follow(fleetAt(2), fleetAt(1), createTracks()).begun.flatMap(({ members }) =>
      members.map(({ member }) => member.device),
    );
  assert.deepEqual(order(), order());
});
