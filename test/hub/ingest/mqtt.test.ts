// A device over real MQTT: broker, ingestion and store together.
import assert from "node:assert/strict";
import { createEmbeddedBroker } from "#hub/broker/aedes.ts";
import { createAuthenticator } from "#hub/broker/authenticator.ts";
import { createBus } from "#hub/bus.ts";
import { createIngest } from "#hub/ingest/ingest.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { sha256 } from "#shared/canonical.ts";
import { systemClock } from "#shared/clock.ts";
import { topicOf } from "#shared/topic.ts";
import { encode } from "#shared/wire.ts";
import { batchOf, id } from "#test/contract/rows.ts";
import { connected, until } from "#test/hub/broker/fixture.ts";
import { suite } from "#test/suite.ts";
import { aBeat, anAppReport } from "./fixture.ts";

const test = suite("ingest over MQTT");
const device = id("pi-0000");

async function withHub(body: (hub: Awaited<ReturnType<typeof startHub>>) => Promise<void>) {
  const hub = await startHub();
  try {
    await body(hub);
  } finally {
    await hub.broker.stop();
    await hub.ingest.stop();
    await hub.store.close();
  }
}

async function startHub() {
  const store = await openStore({ file: ":memory:" });
  await store.enrol(device, sha256("secret"), {}, 1);
  const bus = createBus();
  const clock = systemClock;
  const authenticator = createAuthenticator({ store, bus });
  const broker = createEmbeddedBroker({ host: "127.0.0.1", port: 0, authenticator, clock });
  const ingest = createIngest({ store, broker, bus, clock, gatherMs: 20 });
  await ingest.start();
  await broker.start();
  return { store, bus, broker, ingest };
}

const will = {
  topic: topicOf(device, "conn"),
  payload: encode("conn", { state: "offline", bootId: "b1" }),
  qos: 1 as const,
  retain: true,
};
const login = { clientId: device, username: device, password: "secret", will };

test("what a device says is stored and its journal acknowledged on its own topic", async () => {
  await withHub(async ({ store, broker }) => {
    const client = await connected(broker.url, login);
    const acks: string[] = [];
    client.on("message", (_, payload) => acks.push(payload.toString()));
    await client.subscribeAsync(topicOf(device, "ack"), { qos: 1 });
    const report = encode("reported", anAppReport({ sync: "Synced", health: "Degraded" }));
    await client.publishAsync(topicOf(device, "reported"), report, { qos: 1, retain: true });
    await client.publishAsync(topicOf(device, "beat"), encode("beat", aBeat()));
    const batch = encode("journal", batchOf("e1", [1, 2, 3]));
    await client.publishAsync(topicOf(device, "journal"), batch, { qos: 1 });
    await until(() => acks.length === 1, "the acknowledgement");
    assert.equal(acks[0], '{"epoch":"e1","seq":3}');
    assert.equal((await store.device(device))?.health, "Degraded");
    await client.endAsync(true);
  });
});

test("a reconnect before the old connection is gone leaves the device Online", async () => {
  await withHub(async ({ store, broker, bus }) => {
    const told: string[] = [];
    bus.on("event", ({ reason }) => told.push(reason));
    const online = encode("conn", { state: "online", bootId: "b1" });
    for (let round = 0; round < 3; round += 1) {
      const client = await connected(broker.url, login);
      await client.publishAsync(topicOf(device, "conn"), online, { qos: 1, retain: true });
      await until(() => told.length > 0, "the first event");
    }
    assert.deepEqual(told, ["DeviceOnline"]);
    assert.equal((await store.device(device))?.connection, "Online");
    broker.disconnect(device);
    await until(() => told.length === 2, "the second event");
    assert.deepEqual(told, ["DeviceOnline", "DeviceOffline"]);
  });
});
