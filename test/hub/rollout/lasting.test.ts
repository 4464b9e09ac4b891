// What a rollout outlasts: devices that cannot fetch, a store that fails, a hub that was away, words that come late.
import assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { AppName } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { type RunningHub, withHub } from "#test/support/hub.ts";
import { begun, enrolAll, obey, release, robots, running, settle } from "./bench.ts";

const test = suite("hub/rollout: what it outlasts", { limitMs: 240_000 });
const four = robots(4);
const steps = [{ count: 1 }];
const by = { operator: "ada", reason: "because" };

async function stateOf(hub: RunningHub, id = 1): Promise<string | undefined> {
  return (await hub.store.rollout(id))?.head.state;
}

async function memberStates(hub: RunningHub): Promise<string[]> {
  return (await hub.store.rolloutMembers(1)).map(({ member }) => member.state).toSorted();
}

/** No look is due because of what devices have said. */
async function quiet(hub: RunningHub): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  await hub.rollouts.settle();
}

test("resume after a halt lets devices try again what they refused, once, and then it halts again", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, four);
    await release(bench, hub, digests, 2);
    const isMissing = (_: unknown, digest: string): boolean => digest === digests[1];
    await settle(hub, four, isMissing);
    assert.equal(await stateOf(hub), "Halted");
    await hub.rollouts.order(1, { name: "resume", ...by });
    assert.equal(await stateOf(hub), "Progressing");
    await settle(hub, four, isMissing);
    assert.equal(await stateOf(hub), "Halted");
    await hub.rollouts.order(1, { name: "resume", ...by });
    await settle(hub, four);
    assert.deepEqual([await stateOf(hub), await running(hub, digests)], ["Promoted", "2222"]);
  }));

test("an order that was stored reaches the devices, though the store failed right after it", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, four);
    await release(bench, hub, digests, 2);
    await settle(hub, four);
    await quiet(hub);
    const { saveManyDesired } = hub.store;
    hub.store.saveManyDesired = () =>
      Promise.reject(new FleetError("store_unavailable", { message: "it is busy" }));
    const undone = hub.rollouts.order(1, { name: "undo", ...by });
    await assert.rejects(undone, { code: "store_unavailable" });
    hub.store.saveManyDesired = saveManyDesired;
    assert.equal(await stateOf(hub), "Undone");
    const isBack = (): boolean =>
      four.every(({ id }) => hub.broker.last(id)?.apps[0]?.release.digest === digests[0]);
    for (const end = Date.now() + 60_000; !isBack() && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(isBack(), "nobody looked again");
  }));

test("no deadline counts the time in which there was no hub", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps }, four);
    await release(bench, hub, digests, 2);
    const row = await hub.store.rollout(1);
    const [canary] = await hub.store.rolloutMembers(1);
    assert.ok(row !== null && canary?.member.state === "Released");
    // As if it had been released half an hour ago, and the hub had gone away right after it.
    const now = Date.now();
    const marks = [{ ...canary.member, deadlineAt: now - 1000 }];
    await hub.store.changeRollout({ ...row, marks, joined: [], events: [], now });
    await hub.store.attend(1, now - row.policy.deadlineMs);
    await hub.store.attend(now, now);
    await hub.stop();
    const again = await bench.start();
    await again.rollouts.settle();
    assert.deepEqual(await memberStates(again), ["Pending", "Pending", "Pending", "Released"]);
    await settle(again, four);
    assert.deepEqual([await stateOf(again), await running(again, digests)], ["Promoted", "2222"]);
  }));

test("a device that has not heard of the release by its deadline waits, and takes it when it has", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps, deadlineMinutes: 0.002 }, four);
    await release(bench, hub, digests, 2);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await hub.rollouts.settle();
    assert.ok((await memberStates(hub)).includes("Waiting"));
    assert.equal(await stateOf(hub), "Progressing");
    await settle(hub, four);
    assert.deepEqual([await stateOf(hub), await running(hub, digests)], ["Promoted", "2222"]);
  }));

test("a cohort that was left out stays out for devices of it that come after the promotion", () =>
  withHub(async (bench) => {
    const all = robots(40, 4);
    const policy = { steps: [{ percent: 60, healthyShare: 0.9 }], haltScope: "cohort" };
    const { hub, digests } = await begun(bench, policy, all);
    await release(bench, hub, digests, 2);
    const bad = digests[1];
    const fails = ({ model }: { model: string }, digest: string): boolean =>
      digest === bad && model.endsWith("3");
    await settle(hub, all, fails);
    assert.equal(await stateOf(hub), "Promoted");
    const more = robots(41, 4).slice(40);
    await enrolAll(hub, more);
    await obey(hub, more, fails);
    await hub.rollouts.settle();
    await settle(hub, more, fails);
    const [late] = more;
    assert.equal(hub.broker.last(late?.id ?? "")?.apps[0]?.release.digest, digests[0]);
    const { kept } = await hub.previews.preview(AppName.parse("robots"));
    assert.ok(kept.some(({ device }) => device === late?.id));
  }));
