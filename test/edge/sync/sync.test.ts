import * as assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import type { SyncConfig } from "#edge/sync/sync.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { startBroker, type TestBroker } from "./broker.ts";
import {
  desiredState,
  freePort,
  patientOutbox,
  reportedState,
  seal,
  startDevice,
  type TestDevice,
  until,
} from "./fixture.ts";

const test = suite("sync over MQTT");

async function withDevice(
  body: (device: TestDevice, broker: TestBroker) => Promise<void>,
  config: Partial<SyncConfig> = {},
): Promise<void> {
  const broker = await startBroker();
  const device = startDevice({ mqttUrl: broker.url, ...config });
  try {
    await body(device, broker);
  } finally {
    await device.remove();
    await broker.stop();
  }
}

function refusals({ journal }: TestDevice): unknown[] {
  return journal.entries({ kinds: ["desired.refused"], limit: 10 }).map(({ body }) => body["code"]);
}

test("says that it is online, and offline when it stops, within two seconds", () =>
  withDevice(async ({ sync }, broker) => {
    await until(() => broker.heard.conn?.length === 1);
    assert.equal(broker.heard.conn?.[0]?.state, "online");
    assert.deepEqual([sync.status().connected, sync.status().via], [true, "mqtt"]);
    const began = performance.now();
    await sync.stop();
    assert.ok(performance.now() - began < 2000);
    assert.equal(broker.heard.conn?.at(-1)?.state, "offline");
  }));

test("beats at its interval", () =>
  withDevice(async (_, broker) => {
    const began = performance.now();
    await until(() => (broker.heard.beat?.length ?? 0) >= 4);
    assert.ok(performance.now() - began >= 550);
  }));

test("beats at another interval soon after it was shortened", async () => {
  const broker = await startBroker();
  let heartbeatMs = 3_600_000;
  const device = startDevice({ mqttUrl: broker.url }, undefined, () => heartbeatMs);
  try {
    await until(() => broker.heard.beat?.length === 1);
    heartbeatMs = 100;
    await until(() => (broker.heard.beat?.length ?? 0) >= 3);
    assert.equal(broker.heard.beat?.at(-1)?.heartbeatMs, 100);
  } finally {
    await device.remove();
    await broker.stop();
  }
});

test("keeps a signed desired state that was retained before it came", async () => {
  const broker = await startBroker();
  broker.desire(seal(desiredState(4)));
  const device = startDevice({ mqttUrl: broker.url });
  let changes = 0;
  device.sync.onChange(() => {
    changes += 1;
  });
  await until(() => device.journal.desired()?.generation === 4);
  assert.ok(changes >= 1);
  await device.remove();
  await broker.stop();
});

test("refuses a tampered envelope and one of an unknown key, and keeps what it has", () =>
  withDevice(async (device, broker) => {
    broker.desire(seal(desiredState(1)));
    await until(() => device.journal.desired() !== undefined);
    const good = seal(desiredState(2));
    const forged = seal(desiredState(9)).payload;
    broker.desire({ ...good, payload: forged });
    broker.desire({ ...good, payload: forged });
    broker.desire(seal(desiredState(3), generateKeyPairSync("ed25519")));
    await until(() => refusals(device).length > 0);
    broker.desire(seal(desiredState(5)));
    await until(() => device.journal.desired()?.generation === 5);
    assert.deepEqual(refusals(device), ["envelope_invalid"]);
  }));

test("refuses the desired state of another device", () =>
  withDevice(async (device, broker) => {
    broker.desire(seal({ ...desiredState(2), device: "pi-2" as DeviceId }));
    await until(() => refusals(device).length === 1);
    assert.equal(device.journal.desired(), undefined);
  }));

test("ignores an old generation, an empty topic, and what is too large or no JSON", () =>
  withDevice(async (device, broker) => {
    broker.desire(seal(desiredState(5)));
    await until(() => device.journal.desired()?.generation === 5);
    broker.desire(seal(desiredState(4, { mode: "safe" })));
    broker.desire(Buffer.alloc(0));
    broker.desire(Buffer.alloc(200 * 1024, 0x20));
    broker.desire(Buffer.from("no json"));
    await until(() => refusals(device).length === 2);
    assert.deepEqual(refusals(device), ["message_invalid", "message_too_large"]);
    assert.deepEqual(device.journal.desired(), desiredState(5));
    assert.equal(device.sync.status().via, "mqtt");
  }));

test("raises an alarm when a generation comes again with other content", () =>
  withDevice(async (device, broker) => {
    broker.desire(seal(desiredState(5)));
    await until(() => device.journal.desired()?.generation === 5);
    broker.desire(seal(desiredState(5, { mode: "hold" })));
    const events = () => device.journal.entries({ kinds: ["event"], limit: 10 });
    await until(() => events().length === 1);
    assert.equal(events()[0]?.body["reason"], "GenerationConflict");
    assert.equal(device.journal.desired()?.mode, "run");
  }));

test("sends the newest report of a burst, not each of it", () =>
  withDevice(async ({ sync }, broker) => {
    await until(() => broker.heard.conn !== undefined);
    for (let generation = 1; generation <= 50; generation++) sync.report(reportedState(generation));
    await until(() => broker.heard.reported?.at(-1)?.observedGeneration === 50);
    assert.ok((broker.heard.reported?.length ?? 0) <= 3);
  }));

test("leaves out a report that the broker would end the connection for", () =>
  withDevice(async ({ sync }, broker) => {
    sync.report({ ...reportedState(1), bootId: "x".repeat(300 * 1024) });
    sync.report(reportedState(2));
    await until(() => broker.heard.reported !== undefined);
    assert.equal(broker.heard.reported?.[0]?.observedGeneration, 2);
  }));

test("sends a burst of entries as one batch, and all of many batches", () =>
  withDevice(
    async ({ sync, journal }, broker) => {
      await until(() => broker.heard.conn !== undefined);
      for (let i = 0; i < 40; i++) journal.append({ kind: "event", body: { i } });
      sync.journalGrew();
      await until(() => journal.unacknowledged() === 0);
      assert.equal(broker.heard.journal?.length, 1);
      for (let i = 0; i < 1200; i++) journal.append({ kind: "event", body: { i } });
      sync.journalGrew();
      await until(() => journal.unacknowledged() === 0);
      assert.equal(broker.heard.journal?.length, 4);
      assert.equal(broker.stored.size, 1240);
    },
    { outbox: patientOutbox },
  ));

test("sends a batch again until the hub itself answers: the broker's word is none", () =>
  withDevice(async ({ sync, journal }, broker) => {
    await until(() => broker.heard.conn !== undefined);
    broker.answers = false;
    journal.append({ kind: "event", body: {} });
    sync.journalGrew();
    await until(() => (broker.heard.journal?.length ?? 0) >= 2);
    assert.equal(journal.unacknowledged(), 1);
    broker.answers = true;
    await until(() => journal.unacknowledged() === 0);
  }));

test("sends everything again when the hub has lost its store", async () => {
  const port = await freePort();
  const first = await startBroker(port);
  const device = startDevice({ mqttUrl: first.url }, (journal) => {
    for (let i = 0; i < 700; i++) journal.append({ kind: "event", body: { i } });
  });
  await until(() => first.stored.size === 700 && device.journal.unacknowledged() === 0);
  await first.stop();
  const second = await startBroker(port);
  await until(() => second.stored.size === 700);
  await until(() => device.journal.unacknowledged() === 0);
  await device.remove();
  await second.stop();
});

test("comes back by itself after the broker did, with its newest report", async () => {
  const port = await freePort();
  const first = await startBroker(port);
  const device = startDevice({ mqttUrl: first.url });
  device.sync.report(reportedState(7));
  await until(() => first.heard.reported !== undefined);
  await first.stop();
  await until(() => !device.sync.status().connected);
  assert.match(device.sync.status().problem ?? "", /ended|ECONNREFUSED/);
  const second = await startBroker(port);
  second.desire(seal(desiredState(8)));
  await until(() => second.heard.reported?.[0]?.observedGeneration === 7);
  await until(() => device.journal.desired()?.generation === 8);
  await device.remove();
  await second.stop();
});

test("does not spin when the hub claims more than this journal ever had", () =>
  withDevice(async ({ sync, journal }, broker) => {
    await until(() => broker.heard.conn !== undefined);
    broker.stored.set(5000, { seq: 5000 } as never);
    journal.append({ kind: "event", body: {} });
    sync.journalGrew();
    await until(() => broker.heard.journal !== undefined);
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.ok((broker.heard.journal?.length ?? 0) <= 4);
  }));

test("says that the broker refuses its topics, and tries again", async () => {
  const broker = await startBroker();
  broker.subscriptions = "refused";
  const device = startDevice({ mqttUrl: broker.url });
  await until(() => /does not let this device read/.test(device.sync.status().problem ?? ""));
  broker.subscriptions = "granted";
  await until(() => device.sync.status().connected);
  await device.remove();
  await broker.stop();
});

test("stops within two seconds while the broker leaves its subscriptions unanswered", async () => {
  const broker = await startBroker();
  broker.subscriptions = "unanswered";
  const device = startDevice({ mqttUrl: broker.url });
  await until(() => broker.sockets.size === 1);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(device.sync.status().connected, false);
  const began = performance.now();
  await device.sync.stop();
  assert.ok(performance.now() - began < 2000);
  await device.remove();
  await broker.stop();
});
