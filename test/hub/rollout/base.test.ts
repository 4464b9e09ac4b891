// What a device returns to, by what the rollout before has shown of its release; the table of docs/operator-guide.md.
import assert from "node:assert/strict";
import { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import {
  type Fact,
  type MemberState,
  memberStates,
  type RolloutState,
  rolloutStates,
} from "#hub/rollout/advance/model.ts";
import { basesAfter, joining, returning } from "#hub/rollout/base.ts";
import { joinedTo } from "#hub/rollout/decide.ts";
import { snapshotFor, type Track, trackOf } from "#hub/rollout/track.ts";
import type { MemberRow, RolloutRow } from "#hub/store/rollout_port.ts";
import { sha256 } from "#shared/canonical.ts";
import { AppName, DeviceId, Digest } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { fact, member } from "./advance/fixture.ts";

const test = suite("hub/rollout bases");
const three = { key: "model", value: "Raspberry Pi 3" };
const four = { key: "model", value: "Raspberry Pi 4" };
const [plain, own, stranger] = ["plain", "own", "stranger"].map((id) => DeviceId.parse(id));
assert.ok(plain !== undefined && own !== undefined && stranger !== undefined);

/** From `good` to `new`; the device `own` was left out of `good` and returns to `older`; both had `had`. */
function trackIn(state: RolloutState, of: MemberState, change: Partial<RolloutRow> = {}): Track {
  const row: RolloutRow = {
    ...{ id: 1, deployment: AppName.parse("robots"), branch: "main", commit: "c".repeat(40) },
    ...{ digest: Digest.parse(sha256("new")), target: "new", base: "good", signature: "new" },
    ...{ isQuarantined: false, policy: RolloutPolicy.parse({}), suspects: [], version: 1 },
    ...{ operator: null, reason: null, beganAt: 1, changedAt: 1 },
    cohortBases: [{ cohort: three, base: "older" }],
    head: {
      ...{ state, step: 0, bakeUntil: null, approved: -1, isForced: false },
      cohorts: [three, four],
    },
    ...change,
  };
  const step = of === "Pending" ? null : 0;
  const rows: MemberRow[] = [
    { member: member("plain", { state: of, step }), before: "had" },
    { member: member("own", { state: of, step }), before: "had", base: "older" },
  ];
  return trackOf(row, rows);
}

/** What plain, own and stranger return to in the next rollout. */
function after(state: RolloutState, of: MemberState): string {
  const bases = basesAfter(trackIn(state, of), "new");
  return [plain, own, stranger].map((id) => id && bases.of(id)).join(" ");
}

test("a release that was promoted is what a device returns to, unless it failed there or was left out", () => {
  const found = Object.fromEntries(memberStates.map((of) => [of, after("Promoted", of)]));
  assert.deepEqual(found, {
    Pending: "new new new",
    Released: "new new new",
    Waiting: "new new new",
    Succeeded: "new new new",
    Failed: "good older new",
    Reverted: "good older new",
    Held: "good older new",
    Left: "new new new",
  });
});

test("a release that was not promoted is good for nobody, whoever runs it well", () => {
  const unproven = rolloutStates.filter((one) => one !== "Promoted" && one !== "Superseded");
  for (const state of unproven) {
    for (const of of memberStates) assert.equal(after(state, of), "good older good", state);
  }
  for (const of of memberStates) assert.equal(after("Superseded", of), "new new new", of);
  assert.equal(basesAfter(undefined, "new").base, "new");
});

test("cohorts keep their own base as long as they are left out", () => {
  const basesIn = (state: RolloutState) => basesAfter(trackIn(state, "Succeeded"), "new");
  const older = { cohort: three, base: "older" };
  assert.deepEqual(basesIn("Promoted").cohortBases, [older, { cohort: four, base: "good" }]);
  assert.deepEqual(basesIn("Halted").cohortBases, [older]);
  assert.deepEqual(basesIn("Superseded").cohortBases, []);
  const { row } = trackIn("Promoted", "Succeeded");
  const joined = (trait: typeof three) => {
    const { before, base } = joining(row, stranger, fact({ traits: [trait] }));
    return [before, base];
  };
  assert.deepEqual(joined(three), ["older", "older"]);
  assert.deepEqual(joined(four), ["good", undefined]);
});

test("who comes to a rollout has a place in it where a decision or a base of its own wants one", () => {
  const comers: [string, Fact, isChanged: boolean][] = [
    ["changed", fact(), true],
    ["same", fact(), false],
    ["three", fact({ traits: [three] }), true],
    ["same-three", fact({ traits: [three] }), false],
    ["four", fact({ traits: [four] }), true],
    ["new", fact({ isNew: true }), true],
  ];
  const facts = new Map(comers.map(([id, one]) => [DeviceId.parse(id), one]));
  const changed = comers.filter(([, , isChanged]) => isChanged);
  const differing = new Set(changed.map(([id]) => DeviceId.parse(id)));
  const joined = (state: RolloutState, cohortBases?: RolloutRow["cohortBases"]) =>
    joinedTo(trackIn(state, "Pending", cohortBases && { cohortBases }), { facts, differing }).map(
      ({ member: { device }, before }) => `${device} ${before}`,
    );
  assert.deepEqual(
    joined("Progressing", []),
    ["changed", "three", "four", "new"].map((id) => `${id} good`),
  );
  const threes = ["three older", "same-three older"];
  assert.deepEqual(joined("Paused"), ["changed good", ...threes, "four good"]);
  assert.deepEqual(joined("Undone"), threes);
  assert.deepEqual(joined("Promoted"), [...threes, "four good"]);
  assert.deepEqual(joined("Superseded"), []);
});

test("what a device is to have, in every state of a rollout and of the device", () => {
  const found = Object.fromEntries(
    rolloutStates.map((state) => [
      state,
      memberStates.map((of) => {
        const track = trackIn(state, of);
        return [plain, own].map((id) => (id && snapshotFor(track, id)) ?? "-").join("/");
      }),
    ]),
  );
  const [had, newest, back] = ["had/had", "-/-", "good/older"];
  //                Pending, Released, Waiting, Succeeded, Failed, Reverted, Held, Left
  const underWay = [had, newest, newest, newest, newest, back, back, back];
  assert.deepEqual(found, {
    Progressing: underWay,
    Baking: underWay,
    AwaitingApproval: underWay,
    Paused: underWay,
    Halted: underWay,
    Undone: memberStates.map(() => back),
    Promoted: [newest, newest, newest, newest, newest, back, back, newest],
    Superseded: memberStates.map(() => newest),
  });
  const untouched = trackIn("Promoted", "Held");
  const { member: held, ...rest } = untouched.members.get(own) as MemberRow;
  const kept = trackOf(untouched.row, [{ ...rest, member: { ...held, step: null } }]);
  assert.equal(snapshotFor(kept, own), "had", "left out before it had the release");
});

test("a device that was sent back or away waits for its step with what it returned to", () => {
  const fresh = ["plain", "own"].map((device) => member(device));
  for (const of of memberStates) {
    const isBack = of === "Reverted" || of === "Left";
    assert.deepEqual(
      returning(trackIn("Progressing", of), fresh).map(({ device, before }) => [device, before]),
      isBack
        ? [
            ["plain", "good"],
            ["own", "older"],
          ]
        : [],
      of,
    );
  }
});
