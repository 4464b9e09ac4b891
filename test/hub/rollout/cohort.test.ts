// A cohort that is left out keeps its release while all others go on, and takes part in the next rollout.
import assert from "node:assert/strict";
import { AppName } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { withHub } from "#test/support/hub.ts";
import { begun, release, robots, running, settle } from "./bench.ts";

const test = suite("hub/rollout cohort", { limitMs: 240_000 });
const all = robots(40, 4);

test("leaves out the devices of the model that fails, restarts included, until the next release", () =>
  withHub(async (bench) => {
    const policy = { steps: [{ percent: 60, healthyShare: 0.9 }], haltScope: "cohort" };
    const { hub, digests } = await begun(bench, policy, all);
    await release(bench, hub, digests, 2);
    const bad = digests[1];
    const rounds = await settle(
      hub,
      all,
      ({ model }, digest) => digest === bad && model.endsWith("3"),
    );
    const mixed = all.map(({ model }) => (model.endsWith("3") ? "1" : "2")).join("");
    assert.equal(await running(hub, digests), mixed);
    const row = await hub.store.rollout(1);
    assert.equal(row?.head.state, "Promoted");
    assert.deepEqual(row?.head.cohorts, [{ key: "model", value: "Raspberry Pi 3" }]);
    // Only those of the first batch ever had it.
    const tried = rounds
      .flat()
      .filter((id) => all.find((one) => one.id === id)?.model.endsWith("3"));
    assert.ok(new Set(tried).size < 10, String(tried));
    const { kept } = await hub.previews.preview(AppName.parse("robots"));
    assert.deepEqual(
      kept.map(({ device, why }) => [device, why.map(({ reason }) => reason)]),
      all
        .filter(({ model }) => model.endsWith("3"))
        .map(({ id }) => [id, ["belongs to model=Raspberry Pi 3"]]),
    );
    await hub.stop();
    const again = await bench.start();
    await again.desired.reconcile();
    assert.equal((await settle(again, all)).flat().length, 0);
    await release(bench, again, digests, 3);
    await settle(again, all);
    assert.equal(await running(again, digests), "3".repeat(40));
    assert.equal((await again.store.rollout(1))?.head.state, "Superseded");
  }));
