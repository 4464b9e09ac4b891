// What devices return to when a release is taken from them: the last one that was promoted with them.
import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { type HubBench, type RunningHub, withHub } from "#test/support/hub.ts";
import {
  begun,
  enrolAll,
  fleetWith,
  obey,
  type Robot,
  release,
  robots,
  running,
  settle,
  version,
} from "./bench.ts";

const test = suite("hub/rollout: what devices return to", { limitMs: 120_000 });
const by = { operator: "ada", reason: "because" };
const policy = { steps: [{ percent: 60, healthyShare: 0.9 }], haltScope: "cohort" };
const all = robots(24, 4);
const isThree = ({ model }: Robot): boolean => model.endsWith("3");

/** The version that each device is to have, those of the Pi 3 apart. */
async function wanted(
  hub: RunningHub,
  digests: readonly string[],
  devices: readonly Robot[] = all,
): Promise<{ threes: string; others: string }> {
  const found = { threes: new Set<number>(), others: new Set<number>() };
  for (const robot of devices) {
    const app = (await hub.desired.current(robot.id))?.content.apps[0];
    found[isThree(robot) ? "threes" : "others"].add(digests.indexOf(app?.release.digest ?? "") + 1);
  }
  const words = (of: Set<number>): string => [...of].toSorted((a, b) => a - b).join();
  return { threes: words(found.threes), others: words(found.others) };
}

/** Version 2 is promoted without the Pi 3s, on which it fails. */
async function withoutThrees(bench: HubBench): Promise<{ hub: RunningHub; digests: string[] }> {
  const { hub, digests } = await begun(bench, policy, all);
  await release(bench, hub, digests, 2);
  const bad = digests[1];
  await settle(hub, all, (robot, digest) => digest === bad && isThree(robot));
  assert.deepEqual(await wanted(hub, digests), { threes: "1", others: "2" });
  assert.equal((await hub.store.rollout(1))?.head.state, "Promoted");
  return { hub, digests };
}

test("a cohort that was left out returns to its own last release when the next rollout halts, is resumed or undone", () =>
  withHub(async (bench) => {
    const { hub, digests } = await withoutThrees(bench);
    await release(bench, hub, digests, 3);
    await settle(hub, all, (_, digest) => digest === digests[2]);
    assert.equal((await hub.store.rollout(2))?.head.state, "Halted");
    assert.deepEqual(await wanted(hub, digests), { threes: "1", others: "2" });
    await hub.rollouts.order(2, { name: "resume", ...by });
    await settle(hub, all);
    assert.deepEqual(await wanted(hub, digests), { threes: "3", others: "3" });
    // One that came after the promotion is told from the others by what it is, and by nothing else.
    const late = robots(26, 4).slice(24);
    await enrolAll(hub, late);
    await settle(hub, late);
    await hub.stop();
    const again = await bench.start();
    await again.rollouts.order(2, { name: "undo", ...by });
    const now = await wanted(again, digests, [...all, ...late]);
    assert.deepEqual(now, { threes: "1", others: "2" });
  }));

test("a revert to what a cohort has kept does not give it first what it was spared", () =>
  withHub(async (bench) => {
    const { hub, digests } = await withoutThrees(bench);
    const told = hub.broker.published.length;
    bench.repository.commit(version(1), "revert");
    await hub.sync();
    await settle(hub, all);
    assert.equal(await running(hub, digests), "1".repeat(24));
    const threes = new Set<string>(all.filter(isThree).map(({ id }) => id));
    const bad = hub.broker.published
      .slice(told)
      .filter(({ device, apps }) => threes.has(device) && apps[0]?.release.digest === digests[1]);
    assert.deepEqual(bad, []);
  }));

test("a device of a cohort that was left out gets that cohort's release while the next rollout is under way", () =>
  withHub(async (bench) => {
    const { hub, digests } = await withoutThrees(bench);
    await release(bench, hub, digests, 3);
    await hub.rollouts.order(2, { name: "pause", ...by });
    const late = robots(26, 4).slice(24);
    await enrolAll(hub, late);
    await obey(hub, late);
    await hub.rollouts.settle();
    await settle(hub, late);
    assert.deepEqual(await wanted(hub, digests, late), { threes: "1", others: "2" });
  }));

test("what is resumed waits with the last promoted release, not with one that was superseded", () =>
  withHub(async (bench) => {
    const four = robots(4);
    const steps = [{ count: 2 }, { count: 3 }];
    const { hub, digests } = await begun(bench, { steps }, four);
    await release(bench, hub, digests, 2);
    await obey(hub, four);
    await release(bench, hub, digests, 3);
    await hub.rollouts.order(2, { name: "undo", ...by });
    assert.deepEqual(await wanted(hub, digests, four), { threes: "1", others: "1" });
    const told = hub.broker.published.length;
    await hub.rollouts.order(2, { name: "resume", ...by });
    const given = hub.broker.published.slice(told).map(({ apps }) => apps[0]?.release.digest);
    assert.deepEqual(new Set(given), new Set([digests[2]]));
    await hub.stop();
    const again = await bench.start();
    await again.desired.reconcile();
    const back = again.broker.published.map(({ apps }) => apps[0]?.release.digest);
    assert.ok(!back.includes(digests[1] as never));
    await settle(again, four);
    assert.deepEqual(await wanted(again, digests, four), { threes: "3", others: "3" });
  }));

test("a deployment that comes back after its rollout halted does not come back with the bad release", () =>
  withHub(async (bench) => {
    const four = robots(4);
    const { hub, digests } = await begun(bench, { steps: [{ count: 1 }] }, four);
    await release(bench, hub, digests, 2);
    const bad = digests[1];
    await settle(hub, four, (_, digest) => digest === bad);
    assert.equal((await hub.store.rollout(1))?.head.state, "Halted");
    const gone = "apiVersion: metrica.fleet/v1\nkind: Fleet\ndeployments: []\n";
    const there = fleetWith({ steps: [{ count: 1 }] });
    bench.repository.commit({ "fleet.yaml": gone });
    await hub.sync();
    assert.equal((await hub.store.rollout(1))?.head.state, "Superseded");
    const told = hub.broker.published.length;
    const given = () =>
      hub.broker.published.slice(told).flatMap(({ apps }) => apps.map((app) => app.release.digest));
    bench.repository.commit({ "fleet.yaml": there });
    await hub.sync();
    await settle(hub, four);
    assert.deepEqual(new Set(given()), new Set([digests[0]]), "the same content is quarantined");
    assert.equal((await hub.store.rollout(2))?.head.state, "Halted");
    bench.repository.commit({ "fleet.yaml": gone });
    await hub.sync();
    bench.repository.commit({ "fleet.yaml": there, ...version(3) });
    await hub.sync();
    await settle(hub, four);
    assert.ok(!given().includes(bad as never));
    assert.deepEqual((await running(hub, digests)).replaceAll("-", "3"), "3333");
    assert.equal((await hub.store.rollout(3))?.head.state, "Promoted");
  }));
