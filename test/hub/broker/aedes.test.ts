// The embedded broker with real MQTT clients: access, take-over, wills, retained messages, stopping.
import assert from "node:assert/strict";
import mqtt, { type MqttClient } from "mqtt";
import { createEmbeddedBroker } from "#hub/broker/aedes.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import type { Message } from "#shared/wire.ts";
import { id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import {
  asDevice,
  asOperator,
  authenticator,
  aWhile,
  closed,
  connected,
  secrets,
  until,
  withBroker,
} from "./fixture.ts";

const test = suite("embedded broker");

const envelope: Message<"desired"> = {
  payloadType: "t",
  payload: "AAAA",
  signatures: [{ keyid: "k", sig: "AAAA" }],
};

function gather(client: MqttClient): string[] {
  const got: string[] = [];
  client.on("message", (topic, payload, { retain }) =>
    got.push(`${topic.slice("fleet/v1/d/".length)}${retain ? " retained" : ""} ${payload.length}`),
  );
  return got;
}

async function refusalOf(url: string, options: mqtt.IClientOptions): Promise<number | undefined> {
  try {
    const client = await connected(url, options);
    await client.endAsync(true);
    return 0;
  } catch (error) {
    return (error as { code?: number }).code;
  }
}

test("lets in whoever shows who it is, and tells the others why not", async () => {
  await withBroker(async ({ broker }) => {
    const code = (options: mqtt.IClientOptions) => refusalOf(broker.url, options);
    assert.equal(await code(asDevice("pi-1")), 0);
    assert.equal(await code(asOperator()), 0);
    assert.equal(await code(asDevice("pi-1", { password: "wrong" })), 4);
    assert.equal(await code({ clientId: "pi-1" }), 4);
    assert.equal(await code(asOperator({ password: "wrong" })), 4);
    assert.equal(await code(asDevice("pi-1", { clientId: "pi-10" })), 2);
    assert.equal(await code(asDevice("pi-1", { clientId: "pi-1-two" })), 2);
    const will = {
      topic: "fleet/v1/d/pi-10/conn",
      payload: Buffer.from("{}"),
      qos: 1,
      retain: true,
    };
    assert.equal(await code(asDevice("pi-1", { will: { ...will, qos: 1 } })), 5);
    assert.equal(await code(asOperator({ will: { ...will, qos: 1 } })), 5);
    await until(() => broker.connections() === 0, "all connections to end");
  });
});

test("tells a device that the store is away instead of calling its password wrong", async () => {
  const failing = { ...authenticator, device: () => Promise.reject(new Error("planted")) };
  await withBroker(
    async ({ broker }) => assert.equal(await refusalOf(broker.url, asDevice("pi-1")), 3),
    { authenticator: failing },
  );
});

test("a device's messages reach the hub, and a foreign one ends its connection", async () => {
  await withBroker(async ({ broker, heard }) => {
    const device = await connected(broker.url, asDevice("pi-1"));
    await device.publishAsync("fleet/v1/d/pi-1/reported", "{}", { qos: 1, retain: true });
    await device.publishAsync("fleet/v1/d/pi-1/beat", "{}");
    await until(() => heard.length === 2, "both messages");
    assert.deepEqual(
      heard.map(({ device: from, channel }) => `${from} ${channel}`),
      ["pi-1 reported", "pi-1 beat"],
    );
    device.publish("fleet/v1/d/pi-10/beat", "{}");
    await closed(device);
    assert.equal(heard.length, 2);
    assert.deepEqual(broker.refusals(), { foreign_topic: 1 });
  });
});

for (const clean of [true, false]) {
  test(`a mixed SUBSCRIBE grants only what is the device's own (clean session ${clean})`, async () => {
    await withBroker(async ({ broker }) => {
      const options = asDevice("pi-1", { clean });
      const device = await connected(broker.url, options);
      const got = gather(device);
      const granted = await device
        .subscribeAsync(["fleet/v1/d/pi-1/desired", "fleet/v1/d/pi-10/desired", "fleet/v1/#"], {
          qos: 1,
        })
        .catch((error: { packet?: { granted: number[] } }) => error.packet?.granted);
      const qos = granted?.map((one) => (typeof one === "number" ? one : one.qos));
      assert.deepEqual(qos, [1, 128, 128]);
      for (const name of ["pi-1", "pi-10"]) broker.publishDesired(id(name), envelope);
      await until(() => got.length === 1, "its own desired state");
      await device.endAsync(true);
      // What a stored session would have kept for its return.
      broker.publishDesired(id("pi-10"), envelope);
      const again = await connected(broker.url, options);
      const later = gather(again);
      await aWhile();
      assert.deepEqual([got.length, later], [1, []]);
      await again.endAsync(true);
    });
  });
}

test("an asked-for persistent session is answered as clean", async () => {
  await withBroker(async ({ broker }) => {
    for (const round of [1, 2]) {
      const client = mqtt.connect(
        broker.url,
        asDevice("pi-1", { clean: false, reconnectPeriod: 0 }),
      );
      const connack = await new Promise<mqtt.IConnackPacket>((resolve) =>
        client.once("connect", resolve),
      );
      assert.equal(connack.sessionPresent, false, `round ${round}`);
      await client.subscribeAsync("fleet/v1/d/pi-1/ack", { qos: 1 });
      await client.endAsync(true);
    }
  });
});

test("desired state is there before the device comes, is sent on change, and survives a restart of the hub's broker", async () => {
  const broker = createEmbeddedBroker({
    host: "127.0.0.1",
    port: 0,
    authenticator,
    clock: systemClock,
  });
  broker.publishDesired(id("pi-1"), envelope);
  await broker.start();
  const device = await connected(broker.url, asDevice("pi-1"));
  const got = gather(device);
  await device.subscribeAsync("fleet/v1/d/pi-1/desired", { qos: 1 });
  await until(() => got.length === 1, "the retained message");
  broker.publishDesired(id("pi-1"), { ...envelope, payload: "AAAAAAAA" });
  broker.acknowledge(id("pi-1"), { epoch: "e", seq: 7 });
  await until(() => got.length === 2, "the change");
  const size = JSON.stringify(envelope).length;
  assert.deepEqual(got, [`pi-1/desired retained ${size}`, `pi-1/desired ${size + 4}`]);
  await device.endAsync(true);
  await broker.stop();
  await broker.stop();
});

test("an operator sees the fleet's retained topics, and only those below its filter", async () => {
  await withBroker(async ({ broker, heard }) => {
    for (const name of Object.keys(secrets)) {
      const device = await connected(broker.url, asDevice(name));
      await device.publishAsync(`fleet/v1/d/${name}/reported`, "{}", { qos: 1, retain: true });
      await device.endAsync();
      broker.publishDesired(id(name), envelope);
    }
    assert.equal(heard.length, 2);
    const operator = await connected(broker.url, asOperator({ clientId: "pi-1" }));
    const got = gather(operator);
    await operator.subscribeAsync("fleet/v1/d/+/reported", { qos: 1 });
    await until(() => got.length === 2, "both reports");
    await aWhile();
    assert.deepEqual(got, ["pi-1/reported retained 2", "pi-10/reported retained 2"]);
    await operator.endAsync(true);
  });
});

test("an operator cannot take over a device by its client id", async () => {
  await withBroker(async ({ broker }) => {
    const device = await connected(broker.url, asDevice("pi-1"));
    const operator = await connected(broker.url, asOperator({ clientId: "pi-1" }));
    await aWhile();
    assert.equal(device.connected, true);
    assert.equal(broker.connections(), 2);
    await Promise.all([device.endAsync(true), operator.endAsync(true)]);
  });
});

const will = (name: string) => ({
  topic: `fleet/v1/d/${name}/conn`,
  payload: Buffer.from(`{"state":"offline","bootId":"b"}`),
  qos: 1 as const,
  retain: true,
});

test("a second connection takes the first one over, whose will is withheld", async () => {
  await withBroker(async ({ broker, heard }) => {
    const first = await connected(broker.url, asDevice("pi-1", { will: will("pi-1") }));
    const second = await connected(broker.url, asDevice("pi-1", { will: will("pi-1") }));
    await closed(first);
    await until(() => broker.connections() === 1, "the first one's end");
    await aWhile();
    assert.deepEqual(heard, []);
    assert.equal(broker.refusals()["superseded"], 1);
    second.stream.destroy();
    await until(() => heard.length === 1, "the second one's will");
    assert.deepEqual(
      heard.map(({ channel }) => channel),
      ["conn"],
    );
  });
});

test("a connection that the hub ends publishes its will", async () => {
  await withBroker(async ({ broker, heard }) => {
    const device = await connected(broker.url, asDevice("pi-1", { will: will("pi-1") }));
    broker.disconnect(id("pi-1"));
    await closed(device);
    await until(() => heard.length === 1, "the will");
    broker.disconnect(id("pi-1"));
    broker.disconnect(id("unknown"));
  });
});

test("the end of the hub says nothing about its devices", async () => {
  await withBroker(async ({ broker, heard }) => {
    const device = await connected(broker.url, asDevice("pi-1", { will: will("pi-1") }));
    await broker.stop();
    await closed(device);
    assert.deepEqual(heard, []);
    assert.throws(() => broker.url, { code: "internal" });
  });
});

test("names a port that is taken", async () => {
  await withBroker(async ({ port }) => {
    const second = createEmbeddedBroker({
      host: "127.0.0.1",
      port,
      authenticator,
      clock: systemClock,
    });
    await assert.rejects(second.start(), { code: "port_taken", message: new RegExp(String(port)) });
  });
});

test("wrong passwords are answered ever later, right ones at once", async () => {
  const delaysMs: number[] = [];
  const sleep: Clock["sleep"] = (delayMs, signal) => {
    delaysMs.push(delayMs);
    return systemClock.sleep(delayMs, signal);
  };
  await withBroker(
    async ({ broker }) => {
      const took = async (password: string): Promise<number> => {
        const started = performance.now();
        await refusalOf(broker.url, asDevice("pi-1", { password }));
        return performance.now() - started;
      };
      const first = await took("wrong");
      const second = await took("wrong");
      assert.equal(await refusalOf(broker.url, asDevice("pi-1")), 0);
      assert.ok(first >= 240 && second >= 490, `${first} ${second}`);
      // How long the right one took would tell of the machine; that it waited for nothing tells of the broker.
      assert.deepEqual(delaysMs, [250, 500]);
    },
    { clock: { ...systemClock, sleep } },
  );
});
