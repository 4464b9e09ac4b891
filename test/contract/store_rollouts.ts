// What every store must do about rollouts: one fenced transaction per decision, and nothing kept that nobody names.
import assert from "node:assert/strict";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { Store } from "#hub/store/port.ts";
import type { FollowChange, NewRollout, RolloutChange } from "#hub/store/rollout_port.ts";
import type { AppName, Digest } from "#shared/ids.ts";
import { enrolFleet, id } from "./rows.ts";
import type { Check } from "./store_history.ts";

const robots = "robots" as AppName;
const empty: FleetSnapshot = { defaultBranch: "main", branches: {} };

function newRollout(target: string, base: string, devices: readonly string[]): NewRollout {
  return {
    deployment: robots,
    branch: "main",
    commit: target.repeat(40),
    digest: target.repeat(64) as Digest,
    ...{ target, base, signature: `content ${target}`, isQuarantined: false, beganAt: 5 },
    cohortBases: [],
    head: {
      ...{ state: "Progressing", step: 0, bakeUntil: null, approved: -1 },
      ...{ isForced: false, cohorts: [] },
    },
    policy: RolloutPolicy.parse({ steps: [{ select: "ring=canary", count: 1 }] }),
    members: devices.map((device) => ({
      member: { device: id(device), state: "Pending", step: null, deadlineAt: null, reason: null },
      before: base,
    })),
  };
}

function follow(store: Store, name: string, change: Partial<FollowChange> = {}) {
  const snapshot = { id: name, fleet: { ...empty, defaultBranch: name } };
  return store.followFleet({ snapshot, begun: [], ended: [], events: [], now: 5, ...change });
}

const event = {
  ...{ at: 5, device: null, app: null, source: "hub" as const, type: "Normal" as const },
  ...{ reason: "Told", message: "x" },
};

function changeOf(version: number, more: Partial<RolloutChange> = {}): RolloutChange {
  const { head } = newRollout("b", "a", []);
  return {
    ...{ id: 1, version, isQuarantined: true, suspects: [], marks: [], joined: [], now: 9 },
    ...{ head: { ...head, state: "Halted", bakeUntil: 7, cohorts: [{ key: "k", value: "v" }] } },
    events: [event],
    ...more,
  };
}

export function rollouts(check: Check): void {
  check("keeps rollouts with their devices in the order of release", async (store) => {
    await enrolFleet(store, 3);
    await follow(store, "a");
    const begun = newRollout("b", "a", ["pi-0002", "pi-0000"]);
    const told = await follow(store, "b", { begun: [begun], events: [event] });
    assert.deepEqual(
      told?.map(({ reason }) => reason),
      ["Told"],
    );
    const [latest] = await store.latestRollouts();
    assert.deepEqual(latest?.members, begun.members);
    assert.deepEqual(latest?.row.policy, begun.policy);
    assert.deepEqual([latest?.row.id, latest?.row.version, latest?.row.head], [1, 1, begun.head]);
    assert.deepEqual(await store.rollout(1), latest?.row);
    assert.equal(await store.rollout(2), null);
    assert.equal((await store.snapshot("a"))?.defaultBranch, "a");
    assert.equal(await store.lastSnapshot(), "b");
  });
  check(
    "stores a change with its events whole, or on another version nothing of it",
    async (store) => {
      await enrolFleet(store, 3);
      await follow(store, "a");
      await follow(store, "b", { begun: [newRollout("b", "a", ["pi-0000"])] });
      const [member] = newRollout("b", "a", ["pi-0000"]).members;
      assert.ok(member !== undefined);
      const failed = { ...member.member, state: "Failed" as const, step: 0, reason: "why" };
      const late = { ...member, member: { ...member.member, device: id("pi-0001") } };
      const change = changeOf(1, { marks: [failed], joined: [late], operator: "ada", reason: "r" });
      assert.equal((await store.changeRollout(change))?.length, 1);
      assert.equal(await store.changeRollout(change), null);
      const row = await store.rollout(1);
      assert.deepEqual([row?.version, row?.operator, row?.isQuarantined], [2, "ada", true]);
      assert.deepEqual(row?.head, change.head);
      assert.deepEqual(await store.rolloutMembers(1), [{ ...member, member: failed }, late]);
      assert.equal((await store.events({ reason: "Told", limit: 9 })).rows.length, 1);
      assert.equal(await store.isQuarantined(robots, "content b"), true);
      assert.equal(await store.isQuarantined(robots, "content c"), false);
      assert.deepEqual(await store.rolloutCounts(), {
        ...{ rollouts: { Halted: 1 }, devices: { Failed: 1, Pending: 1 } },
      });
    },
  );
  check("a new state of the fleet is refused whole when a rollout has moved on", async (store) => {
    await enrolFleet(store, 1);
    await follow(store, "a");
    await follow(store, "b", { begun: [newRollout("b", "a", ["pi-0000"])] });
    const begun = [newRollout("c", "a", ["pi-0000"])];
    assert.equal(await follow(store, "c", { begun, ended: [{ id: 1, version: 4 }] }), null);
    assert.equal(await store.lastSnapshot(), "b");
    assert.ok(await follow(store, "c", { begun, ended: [{ id: 1, version: 1 }] }));
    const { rows } = await store.rollouts({ deployment: robots, limit: 1 });
    assert.deepEqual(
      rows.map((row) => [row.id, row.head.state]),
      [[2, "Progressing"]],
    );
    assert.equal((await store.rollouts({ state: "Superseded", limit: 5 })).rows[0]?.id, 1);
  });
  check(
    "forgets snapshots that nothing names, and keeps those that devices have",
    async (store) => {
      await enrolFleet(store, 1);
      for (const name of ["a", "b", "c"]) await follow(store, name);
      assert.deepEqual([await store.snapshot("a"), await store.snapshot("b")], [null, null]);
      await follow(store, "d", { begun: [newRollout("d", "c", ["pi-0000"])] });
      await follow(store, "e");
      for (const name of ["c", "d", "e"]) assert.ok(await store.snapshot(name), name);
      await follow(store, "c");
      assert.equal(await store.lastSnapshot(), "c");
      assert.equal(await store.snapshot("e"), null);
    },
  );
  check("keeps what single devices and cohorts return to", async (store) => {
    await enrolFleet(store, 2);
    await follow(store, "a");
    await follow(store, "b", { begun: [newRollout("b", "a", [])] });
    const cohortBases = [{ cohort: { key: "model", value: "3" }, base: "a" }];
    const next = newRollout("c", "c", ["pi-0000", "pi-0001"]);
    const members = next.members.map((one, at) => (at === 0 ? { ...one, base: "b" } : one));
    await follow(store, "c", { begun: [{ ...next, cohortBases, members }] });
    for (const name of ["a", "b", "c"]) assert.ok(await store.snapshot(name), name);
    const returned = [{ device: id("pi-0000"), before: "b" }];
    await store.changeRollout({ ...changeOf(1, { returned }), id: 2 });
    const [latest] = await store.latestRollouts();
    const kept = latest?.members.map(({ before, base = "-" }) => `${before} ${base}`);
    assert.deepEqual(kept, ["b b", "c -"]);
    assert.deepEqual(latest?.row.cohortBases, cohortBases);
  });
  check("keeps the halt of the fleet until it is lifted", async (store) => {
    assert.equal(await store.fleetHalt(), null);
    const halt = { operator: "ada", reason: "smoke", at: 7 };
    await store.setFleetHalt(halt, event);
    assert.deepEqual(await store.fleetHalt(), halt);
    await store.setFleetHalt(null, event);
    assert.equal(await store.fleetHalt(), null);
  });
}
