// Undo as the pin that it is: it says so, nothing fights it, and it lifts by itself when Git agrees.
import assert from "node:assert/strict";
import { createNotices } from "#hub/control/notices.ts";
import { AppName, DeviceId } from "#shared/ids.ts";
import { begun, release, robots, settle } from "#test/hub/rollout/bench.ts";
import { suite } from "#test/suite.ts";
import { type RunningHub, withHub } from "#test/support/hub.ts";

const test = suite("hub/control: undo", { limitMs: 240_000 });
const all = robots(4);
const by = { operator: "ada", reason: "it smokes" };
const deployment = AppName.parse("robots");
const first = DeviceId.parse("pi-000");

function told(hub: RunningHub, digests: readonly string[]): string {
  return all
    .map(({ id }) => digests.indexOf(hub.broker.last(id)?.apps[0]?.release.digest ?? "") + 1)
    .join("");
}

test("undo stands as a pin of who and why, holds over looks and restarts, and lifts with a revert", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps: [{ count: 2 }, {}] }, all);
    await release(bench, hub, digests, 2);
    await settle(hub, all);
    const id = (await hub.store.rollouts({ limit: 1 })).rows[0]?.id ?? 0;
    await hub.rollouts.order(id, { name: "undo", ...by });
    await settle(hub, all);
    assert.equal(told(hub, digests), "1111");
    const [undone] = noticesOf(hub).undone();
    assert.deepEqual(
      [undone?.rollout, undone?.operator, undone?.reason, undone?.digest, undone?.undone.digest],
      [id, "ada", "it smokes", digests[0], digests[1]],
    );
    const row = await hub.store.device(first);
    assert.ok(row !== null);
    assert.deepEqual(
      noticesOf(hub)
        .on(row)
        .map(({ kind, number }) => [kind, number]),
      [["undo", id]],
    );
    const generation = hub.broker.last(first)?.generation;
    await hub.desired.reconcile();
    await hub.rollouts.settle();
    assert.equal(hub.broker.last(first)?.generation, generation);
    await hub.stop();
    const again = await bench.start();
    await again.sync();
    assert.equal(told(again, digests), "1111");
    bench.repository.git("revert", "--no-edit", "HEAD");
    await again.sync();
    assert.deepEqual(noticesOf(again).undone(), []);
    assert.equal(again.broker.last(first)?.generation, generation);
    const lifted = (await again.events()).filter(({ message }) =>
      /the pin is lifted/.test(message),
    );
    assert.equal(lifted.length, 1);
  }));

test("a person's pin goes before an undo, and the undo holds again after it", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps: [{}] }, all);
    await release(bench, hub, digests, 2);
    await settle(hub, all);
    const id = (await hub.store.rollouts({ limit: 1 })).rows[0]?.id ?? 0;
    await hub.rollouts.order(id, { name: "undo", ...by });
    const pin = await hub.control.pin({ deployment, device: first, to: digests[1] ?? "", ...by });
    assert.equal(told(hub, digests), "2111");
    await hub.control.unpin(pin.id, by);
    assert.equal(told(hub, digests), "1111");
  }));

function noticesOf({ pins, tracks, rollouts, releases }: RunningHub) {
  return createNotices({ pins, tracks, rollouts, fleet: releases });
}
