// Retained messages: exact look-ups whose cost does not grow with the fleet, and walks for operators.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import type { Readable } from "node:stream";
import { retainedOnly } from "#hub/broker/persistence.ts";
import { createRetainedMessages } from "#hub/broker/retained.ts";
import { id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { asDevice, authenticator, connected, until, withBroker } from "./fixture.ts";

const test = suite("retained messages", { limitMs: 180_000 });

const topicsOf = (packets: Iterable<{ topic: string }>): string[] =>
  [...packets].map(({ topic }) => topic);

test("sets, replaces and removes by exact topic", () => {
  const retained = createRetainedMessages();
  retained.set("fleet/v1/d/a/conn", Buffer.from("1"), 1);
  retained.set("fleet/v1/d/a/conn", Buffer.from("22"), 1);
  retained.set("fleet/v1/d/b/desired", Buffer.from("3"), 1);
  assert.equal(retained.size(), 2);
  assert.equal([...retained.match("fleet/v1/d/a/conn")][0]?.payload.length, 2);
  assert.deepEqual(topicsOf(retained.match("fleet/v1/d/a/desired")), []);
  assert.deepEqual(topicsOf(retained.match("fleet/v1/d/+/desired")), ["fleet/v1/d/b/desired"]);
  assert.equal(topicsOf(retained.match("fleet/v1/#")).length, 2);
  retained.set("fleet/v1/d/a/conn", Buffer.alloc(0), 1);
  assert.equal(retained.size(), 1);
});

test("holds no topic that is not a device's channel", () => {
  const retained = createRetainedMessages();
  for (const topic of ["x", "fleet/v1/d/a/other", "fleet/v1/d/a/conn/deep", "$SYS/x"]) {
    retained.set(topic, Buffer.from("1"), 1);
  }
  assert.equal(retained.size(), 0);
});

interface Persistence {
  storeRetained(packet: object): Promise<void>;
  createRetainedStreamCombi(filters: string[]): Readable;
}

async function fill(persistence: Persistence, devices: number): Promise<void> {
  for (let n = 0; n < devices; n += 1) {
    const topic = `fleet/v1/d/pi-${n}/desired`;
    await persistence.storeRetained({ topic, payload: Buffer.from("x"), qos: 1, retain: true });
  }
}

async function lookUpEach(persistence: Persistence, devices: number): Promise<number> {
  const started = performance.now();
  for (let n = 0; n < devices; n += 1) {
    const filters = [`fleet/v1/d/pi-${n}/desired`, `fleet/v1/d/pi-${n}/ack`];
    const found = await persistence.createRetainedStreamCombi(filters).toArray();
    assert.equal(found.length, 1);
  }
  return performance.now() - started;
}

test("1,000 devices' look-ups take a tenth of what the stock persistence needs, or less", async () => {
  const stock = createRequire(import.meta.resolve("aedes"))(
    "aedes-persistence/asyncPersistence.js",
  );
  const theirs = new stock() as Persistence;
  const ours = retainedOnly(createRetainedMessages()) as Persistence;
  for (const one of [theirs, ours]) await fill(one, 1000);
  const stockMs = await lookUpEach(theirs, 1000);
  // What else the machine does in the meantime is in the longer ones.
  const turns: number[] = [];
  for (let turn = 0; turn < 5; turn += 1) turns.push(await lookUpEach(ours, 1000));
  const ownMs = Math.min(...turns);
  assert.ok(ownMs * 10 < stockMs, `own ${ownMs.toFixed(0)} ms, stock ${stockMs.toFixed(0)} ms`);
});

test("with 2,000 retained topics a device still gets its own at once, and only that", async () => {
  await withBroker(
    async ({ broker }) => {
      for (let n = 0; n < 2000; n += 1) {
        const signatures = [{ keyid: `pi-${n}`, sig: "" }];
        broker.publishDesired(id(`pi-${n}`), { payloadType: "t", payload: "", signatures });
      }
      for (const n of [0, 999, 1999]) {
        const name = `pi-${n}`;
        const secret = { password: `secret of ${name}` };
        const device = await connected(broker.url, asDevice(name, secret));
        const got: string[] = [];
        device.on("message", (_, payload) => got.push(payload.toString()));
        const started = performance.now();
        await device.subscribeAsync(`fleet/v1/d/${name}/desired`, { qos: 1 });
        await until(() => got.length === 1, "the retained message");
        assert.ok(performance.now() - started < 5000);
        assert.match(got[0] ?? "", new RegExp(`"${name}"`));
        await device.endAsync(true);
      }
    },
    { authenticator },
  );
});
