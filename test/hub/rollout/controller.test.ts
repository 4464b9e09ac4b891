// Rollouts from commit to promotion on real Git and the real store, with halts, orders, restarts and new commits.
import assert from "node:assert/strict";
import { createNotices } from "#hub/control/notices.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import type { RunningHub } from "#test/support/hub.ts";
import { withHub } from "#test/support/hub.ts";
import {
  begun,
  digestOf,
  enrolAll,
  fleetWith,
  obey,
  release,
  robots,
  running,
  settle,
  version,
} from "./bench.ts";

const test = suite("hub/rollout");
const ten = robots(10);
const steps = [{ count: 1 }, { percent: 50 }];

async function states(hub: RunningHub): Promise<string[]> {
  const { rows } = await hub.store.rollouts({ limit: 50 });
  return rows.map(({ id, head }) => `${id} ${head.state}`);
}

async function newest(hub: RunningHub): Promise<number> {
  const { rows } = await hub.store.rollouts({ limit: 1 });
  return rows[0]?.id ?? 0;
}

const by = { operator: "ada", reason: "because" };

test("a deployment without a policy gets everything at once, and no rollout begins", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, undefined, ten);
    await release(bench, hub, digests, 2);
    assert.deepEqual(
      (await settle(hub, ten)).map((round) => round.length),
      [10],
    );
    assert.deepEqual(await states(hub), []);
  }));

test("moves a commit from a canary to half to all, and each device once", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, ten);
    await release(bench, hub, digests, 2);
    assert.deepEqual(await states(hub), ["1 Progressing"]);
    const rounds = await settle(hub, ten);
    assert.deepEqual(
      rounds.map((round) => round.length),
      [1, 4, 5],
    );
    assert.equal(new Set(rounds.flat()).size, 10);
    assert.deepEqual(await states(hub), ["1 Promoted"]);
    assert.equal(await running(hub, digests), "2222222222");
    const reasons = (await hub.events()).map(({ reason }) => reason);
    assert.deepEqual(
      reasons.filter((reason) => reason.startsWith("Rollout")),
      ["RolloutBegan", "RolloutStepOver", "RolloutStepOver", "RolloutPromoted"],
    );
  }));

test("what is no release waits for nobody: rules reach every device in the midst of a rollout", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, ten);
    await release(bench, hub, digests, 2);
    const before = hub.broker.published.length;
    bench.repository.commit({
      "sites/berlin.yaml":
        'apiVersion: metrica.fleet/v1\nkind: Site\nvalues: {ROBOT_COUNT: 3}\nwindows: [{from: "02:00", to: "04:00"}]\n',
    });
    await hub.sync();
    const told = new Set(hub.broker.published.slice(before).map(({ device }) => device));
    assert.deepEqual([...told].toSorted(), ["pi-000", "pi-003", "pi-006", "pi-009"]);
    assert.deepEqual(await states(hub), ["1 Progressing"]);
    const old = hub.broker.published
      .slice(before)
      .filter(({ apps }) => apps[0]?.release.digest === digests[0]);
    assert.ok(old.length >= 3);
  }));

test("halts within the batch, names the model, heals it and leaves every other device alone", () =>
  withHub(async (bench) => {
    const all = robots(60);
    const { hub, digests } = await begun(
      bench,
      { steps: [{ count: 4 }, { percent: 50, healthyShare: 0.9 }] },
      all,
    );
    await release(bench, hub, digests, 2);
    const bad = digests[1] ?? "";
    const fails = ({ model }: { model: string }, digest: string): boolean =>
      digest === bad && model.endsWith("3");
    // The canary may meet one of them: either way nobody outside the batch ever has it.
    const tried = new Set((await settle(hub, all, fails)).flat());
    assert.deepEqual(await states(hub), ["1 Halted"]);
    assert.equal(await running(hub, digests), "1".repeat(60));
    assert.ok(tried.size <= 30);
    const told = hub.broker.published.filter(({ apps }) => apps[0]?.release.digest === bad);
    assert.ok(told.length <= 30, `${told.length}`);
    const halted = (await hub.events()).find(({ reason }) => reason === "RolloutHalted");
    assert.match(halted?.message ?? "", /model=Raspberry Pi 3/);
    assert.equal(halted?.type, "Warning");
    const row = await hub.store.rollout(1);
    assert.deepEqual([row?.isQuarantined, row?.suspects[0]?.key], [true, "model"]);
  }));

test("a halt by itself is nobody's order, whoever gave one before", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps: [{ count: 4 }] }, ten);
    await release(bench, hub, digests, 2);
    for (const name of ["pause", "resume"] as const)
      await hub.rollouts.order(1, { name, operator: "ada", reason: "lunch" });
    assert.equal((await hub.store.rollout(1))?.operator, "ada");
    await settle(hub, ten, (_, digest) => digest === digests[1]);
    const row = await hub.store.rollout(1);
    assert.deepEqual([row?.head.state, row?.operator, row?.reason], ["Halted", null, null]);
    const notices = createNotices({ ...hub, fleet: hub.releases });
    assert.deepEqual(
      notices.all().map(({ kind, operator, reason }) => [kind, operator, reason]),
      [["halt", null, null]],
    );
  }));

test("a new commit in the midst takes the place of the old, from what each device has", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, ten);
    await release(bench, hub, digests, 2);
    await obey(hub, ten);
    await hub.rollouts.settle();
    await hub.rollouts.order(1, { name: "pause", ...by });
    await obey(hub, ten);
    assert.equal((await running(hub, digests)).replaceAll("1", "").length, 5);
    await release(bench, hub, digests, 3);
    assert.deepEqual(await states(hub), ["2 Progressing", "1 Superseded"]);
    const rounds = await settle(hub, ten);
    assert.equal(rounds.flat().length, 10);
    assert.equal(await running(hub, digests), "3333333333");
    // Nobody went from 2 back to 1 on the way.
    for (const { id } of ten) {
      const had = hub.broker.published
        .filter(({ device }) => device === id)
        .map(({ apps }) => digests.indexOf(apps[0]?.release.digest ?? ""));
      assert.deepEqual(
        had,
        had.toSorted((a, b) => a - b),
      );
    }
  }));

test("goes on with the same batches after a restart of the hub", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, ten);
    await release(bench, hub, digests, 2);
    const first = await obey(hub, ten);
    await hub.stop();
    const again = await bench.start();
    const rounds = await settle(again, ten);
    assert.deepEqual([first.length, ...rounds.map((round) => round.length)], [1, 4, 5]);
    assert.equal(new Set([...first, ...rounds.flat()]).size, 10);
    assert.deepEqual(await states(again), ["1 Promoted"]);
  }));

test("undo goes back and stays there until Git differs; a revert in Git lifts the pin", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, ten);
    await release(bench, hub, digests, 2);
    await settle(hub, ten);
    await hub.rollouts.order(await newest(hub), { name: "undo", ...by });
    await settle(hub, ten);
    assert.equal(await running(hub, digests), "1111111111");
    bench.repository.commit({ "README.md": "words" });
    await hub.sync();
    await hub.desired.reconcile();
    assert.equal((await settle(hub, ten)).length, 0);
    assert.deepEqual(await states(hub), ["1 Undone"]);
    await release(bench, hub, digests, 1);
    assert.deepEqual(await states(hub), ["1 Superseded"]);
    assert.equal((await settle(hub, ten)).flat().length, 0);
    const last = (await hub.events()).findLast(({ reason }) => reason === "RolloutSuperseded");
    assert.match(last?.message ?? "", /the pin is lifted/);
    // The same content once more is not given to anybody until a person says so.
    await release(bench, hub, digests, 2);
    assert.deepEqual(await states(hub), ["2 Halted", "1 Superseded"]);
    assert.equal((await settle(hub, ten)).flat().length, 0);
    await hub.rollouts.order(2, { name: "resume", ...by });
    await settle(hub, ten);
    assert.deepEqual(await states(hub), ["2 Promoted", "1 Superseded"]);
  }));

test("a device that comes new has the last promoted release, and takes part in the rollout", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, ten);
    await release(bench, hub, digests, 2);
    await hub.rollouts.order(1, { name: "pause", ...by });
    const more = robots(12);
    await enrolAll(hub, more.slice(10));
    await settle(hub, more);
    assert.equal((await running(hub, digests)).slice(-2), "11");
    await hub.rollouts.order(1, { name: "resume", ...by });
    await settle(hub, more);
    assert.equal(await running(hub, digests), "222222222222");
    assert.deepEqual(await states(hub), ["1 Promoted"]);
  }));

test("the halted fleet releases nothing and takes no commit up, restarts included", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, undefined, ten);
    await hub.rollouts.haltFleet({ isHalted: true, ...by });
    await release(bench, hub, digests, 2);
    assert.equal((await settle(hub, ten)).length, 0);
    await hub.stop();
    const again = await bench.start();
    assert.equal(again.rollouts.fleetHalt()?.operator, "ada");
    await again.desired.reconcile();
    assert.equal((await settle(again, ten)).length, 0);
    await again.rollouts.haltFleet({ isHalted: false, ...by });
    await settle(again, ten);
    assert.equal(await running(again, digests), "2222222222");
    assert.equal(digestOf(again), digests[1]);
  }));

test("refuses an order that means nothing, or a rollout that is not the newest", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, ten);
    await release(bench, hub, digests, 2);
    await assert.rejects(hub.rollouts.order(1, { name: "approve", ...by }), {
      code: "state_conflict",
    });
    await assert.rejects(hub.rollouts.order(7, { name: "pause", ...by }), { code: "not_found" });
  }));

test("a policy that comes with the commit already holds for it, and one that goes lets all have it", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, undefined, ten);
    bench.repository.commit({ ...version(2), "fleet.yaml": fleetWith({ steps }) });
    await hub.sync();
    digests.push(digestOf(hub));
    assert.equal((await obey(hub, ten)).length, 1);
    await hub.rollouts.order(1, { name: "pause", ...by });
    bench.repository.commit({ "fleet.yaml": fleetWith(undefined) });
    await hub.sync();
    await settle(hub, ten);
    assert.equal(await running(hub, digests), "2222222222");
    assert.deepEqual(await states(hub), ["1 Superseded"]);
  }));

test("a rollout whose deployment is gone waits for nothing any more", () =>
  withHub(async (bench) => {
    const policy = { steps: [{ count: 1, approval: true }] };
    const { hub, digests } = await begun(bench, policy, ten.slice(0, 2));
    await release(bench, hub, digests, 2);
    assert.match(hub.rollouts.waitsFor(1) ?? "", /the approval of step 1/);
    const none = "apiVersion: metrica.fleet/v1\nkind: Fleet\ndeployments: []\n";
    bench.repository.commit({ "fleet.yaml": none });
    await hub.sync();
    assert.deepEqual(await states(hub), ["1 Superseded"]);
    assert.equal(hub.rollouts.waitsFor(1), null);
  }));

test("a commit that a halt kept back is followed after it, though the store failed as it was lifted", () =>
  withHub(async (bench) => {
    const two = ten.slice(0, 2);
    const { hub, digests } = await begun(bench, undefined, two);
    const by = { operator: "ada", reason: "lunch" };
    await hub.rollouts.haltFleet({ isHalted: true, ...by });
    await release(bench, hub, digests, 2);
    const { followFleet } = hub.store;
    hub.store.followFleet = () =>
      Promise.reject(new FleetError("store_unavailable", { message: "it is busy" }));
    const lifted = hub.rollouts.haltFleet({ isHalted: false, ...by });
    await assert.rejects(lifted, { code: "store_unavailable" });
    hub.store.followFleet = followFleet;
    await hub.rollouts.settle();
    await settle(hub, two);
    assert.equal(await running(hub, digests), "22");
  }));
