import * as assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import { openMqttLink } from "#edge/sync/mqtt.ts";
import { topicOf } from "#shared/topic.ts";
import { suite } from "#test/suite.ts";
import { startBroker } from "./broker.ts";
import { deviceId, freePort, secret, until } from "./fixture.ts";

const test = suite("MQTT link");

function options(
  url: string,
  changes: { password?: string; keepaliveSeconds?: number; connectTimeoutMs?: number } = {},
) {
  return {
    url,
    clientId: deviceId,
    username: deviceId,
    password: secret,
    will: {
      topic: topicOf(deviceId, "conn"),
      payload: Buffer.from('{"state":"offline","bootId":"b"}'),
      qos: 1 as const,
      retain: true,
    },
    keepaliveSeconds: 30,
    connectTimeoutMs: 30_000,
    signal: new AbortController().signal,
    ...changes,
  };
}

test("says when nobody listens", async () => {
  const url = `mqtt://127.0.0.1:${await freePort()}`;
  await assert.rejects(openMqttLink(options(url)), {
    code: "hub_unreachable",
    message: /ECONNREFUSED/,
  });
});

test("says when the identity is refused", async () => {
  const broker = await startBroker();
  await assert.rejects(openMqttLink(options(broker.url, { password: "wrong" })), {
    code: "unauthenticated",
    retry: "never",
  });
  await broker.stop();
});

test("gives up on a server that never answers", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  await assert.rejects(
    openMqttLink(options(`mqtt://127.0.0.1:${port}`, { connectTimeoutMs: 500 })),
    {
      code: "hub_unreachable",
    },
  );
  for (const socket of sockets) socket.destroy();
  server.close();
});

test("refuses an address without a protocol", async () => {
  await assert.rejects(openMqttLink(options("127.0.0.1:1883")), { code: "config_invalid" });
});

test("leaves its last will when it is cut, and none when it ends", async () => {
  const broker = await startBroker();
  const ended = await openMqttLink(options(broker.url));
  await ended.end();
  const cut = await openMqttLink(options(broker.url));
  await until(() => broker.sockets.size === 1);
  assert.equal(broker.heard.conn, undefined);
  for (const socket of broker.sockets) socket.destroy();
  await new Promise<void>((resolve) => cut.onClose(resolve));
  await until(() => broker.heard.conn?.length === 1);
  await broker.stop();
});

test("rejects what was not delivered when it closes", async () => {
  const broker = await startBroker();
  const link = await openMqttLink(options(broker.url));
  for (const socket of broker.sockets) socket.pause();
  const topic = topicOf(deviceId, "journal");
  const pending = link.publish(topic, Buffer.from("{}"), { qos: 1, retain: false });
  for (const socket of broker.sockets) socket.destroy();
  await assert.rejects(pending);
  await broker.stop();
});

test("notices a half-open connection within twice the keepalive", async () => {
  const broker = await startBroker();
  const { port } = new URL(broker.url);
  let isOpen = true;
  const ends: Socket[] = [];
  const proxy = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    ends.push(near, far);
    near.on("data", (data) => isOpen && far.write(data));
    far.on("data", (data) => isOpen && near.write(data));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => proxy.once("listening", resolve));
  const address = proxy.address() as { port: number };
  const url = `mqtt://127.0.0.1:${address.port}`;
  const link = await openMqttLink(options(url, { keepaliveSeconds: 2 }));
  isOpen = false;
  const cutAt = performance.now();
  const chatter = setInterval(() => {
    // Traffic of its own must not make a device believe that somebody hears it.
    link.publish("x", Buffer.from("x"), { qos: 0, retain: false }).catch(() => undefined);
  }, 100);
  await new Promise<void>((resolve) => link.onClose(resolve));
  clearInterval(chatter);
  assert.ok(performance.now() - cutAt < 4000);
  for (const socket of ends) socket.destroy();
  proxy.close();
  await broker.stop();
});
