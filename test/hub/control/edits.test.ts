// Labels and values laid over the files of one device: they reach it at once, and rollouts know them.
import assert from "node:assert/strict";
import { AppName, DeviceId } from "#shared/ids.ts";
import { begun, release, robots, settle } from "#test/hub/rollout/bench.ts";
import { suite } from "#test/suite.ts";
import { type RunningHub, withHub } from "#test/support/hub.ts";

const test = suite("hub/control: edits of one device", { limitMs: 240_000 });
const all = robots(3);
const by = { operator: "ada", reason: "looking for a leak" };
const first = DeviceId.parse("pi-000");
const deployment = AppName.parse("robots");
const edit = <T>(value: T) => ({ value, ...by, at: 1 });

const valuesOf = (hub: RunningHub, id: DeviceId = first) => hub.broker.last(id)?.apps[0]?.values;

test("a value goes above every layer, survives commits and restarts, and is given back", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, undefined, all);
    assert.equal(valuesOf(hub)?.["LEVEL"], undefined);
    await hub.control.edit(first, { values: { ROBOT_COUNT: edit("7") } }, by);
    assert.equal(valuesOf(hub)?.["ROBOT_COUNT"], "7");
    assert.equal(valuesOf(hub, DeviceId.parse("pi-001"))?.["ROBOT_COUNT"], "5");
    await release(bench, hub, digests, 2);
    await hub.stop();
    const again = await bench.start();
    assert.equal((await again.desired.current(first))?.content.apps[0]?.values["ROBOT_COUNT"], "7");
    await again.control.edit(first, { values: { ROBOT_COUNT: null } }, by);
    assert.equal(valuesOf(again)?.["ROBOT_COUNT"], "3");
    const told = (await again.events()).filter(({ reason }) => reason === "DeviceEdited");
    assert.deepEqual(
      told.map(({ message }) => message),
      ["ada set ROBOT_COUNT: looking for a leak", "ada reset ROBOT_COUNT: looking for a leak"],
    );
  }));

test("a label moves a device to another site, another deployment or a pin, and back", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, undefined, all);
    await release(bench, hub, digests, 2);
    const to = digests[0] ?? "";
    await hub.control.pin({ deployment, labelSelector: "site=rome", to, ...by });
    await hub.control.edit(first, { labels: { site: edit("rome") } }, by);
    assert.deepEqual(
      [valuesOf(hub)?.["ROBOT_COUNT"], hub.broker.last(first)?.apps[0]?.release.digest],
      ["10", to],
    );
    assert.equal((await hub.store.device(first))?.labels["site"], "rome");
    await hub.control.edit(first, { labels: { role: edit(null) } }, by);
    assert.deepEqual(hub.broker.last(first)?.apps, []);
    await hub.control.edit(first, { labels: { role: null, site: null } }, by);
    assert.equal(valuesOf(hub)?.["ROBOT_COUNT"], "3");
    assert.equal(hub.broker.last(first)?.apps[0]?.release.digest, digests[1]);
  }));

test("a rollout takes an edited device for what it is, and comes to its end", () =>
  withHub(async (bench) => {
    const { hub, digests } = await begun(bench, { steps: [{ count: 1 }, {}] }, all);
    for (const { id } of all) {
      await hub.control.edit(id, { values: { ROBOT_COUNT: edit("1") } }, by);
    }
    await settle(hub, all);
    await release(bench, hub, digests, 2);
    await settle(hub, all);
    const [row] = (await hub.store.rollouts({ limit: 1 })).rows;
    assert.equal(row?.head.state, "Promoted");
  }));

test("more than a desired state can hold is refused before anything is stored", () =>
  withHub(async (bench) => {
    const { hub } = await begun(bench, undefined, all);
    const values = Object.fromEntries(
      Array.from({ length: 5 }, (_, at) => [`BLOB_${at}`, edit("x".repeat(4000))]),
    );
    await assert.rejects(hub.control.edit(first, { values }, by), { code: "request_invalid" });
    assert.deepEqual((await hub.store.device(first))?.edits, { labels: {}, values: {} });
  }));
