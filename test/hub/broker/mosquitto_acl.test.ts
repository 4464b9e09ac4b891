// The access rules as docs/mosquitto writes them for a Mosquitto, held against the hub's own on a running one.
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import mqtt, { type IClientOptions, type MqttClient } from "mqtt";
import type { Principal } from "#hub/broker/port.ts";
import { mayRead, publishRefusal } from "#hub/broker/rules.ts";
import type { DeviceId } from "#shared/ids.ts";
import { type Channel, topicOf } from "#shared/topic.ts";
import { maxPacketBytes, wire } from "#shared/wire.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("access rules on a mosquitto", { limitMs: 240_000 });

const docs = join(import.meta.dirname, "..", "..", "..", "docs", "mosquitto");
const readDoc = (name: string): string => readFileSync(join(docs, name), "utf8");
const users = { HUB: "hub", operator: "op", "pi-1": "one", "pi-10": "ten" } as const;
type User = keyof typeof users;
const devices = ["pi-1", "pi-10"] as DeviceId[];
const channels = Object.keys(wire) as Channel[];
const topics = devices.flatMap((device) => channels.map((channel) => topicOf(device, channel)));

const principals: Record<Exclude<User, "HUB">, Principal> = {
  operator: { kind: "operator", name: "ops" },
  "pi-1": { kind: "device", id: "pi-1" as DeviceId },
  "pi-10": { kind: "device", id: "pi-10" as DeviceId },
};

interface Site {
  directory: string;
  port: number;
  child: ChildProcess;
}

async function startMosquitto(): Promise<Site> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-mosquitto-"));
  const [port] = await takePorts(1);
  copyFileSync(join(docs, "metrica-fleet.acl"), join(directory, "metrica-fleet.acl"));
  const passwords = join(directory, "metrica-fleet.passwd");
  writeFileSync(passwords, "");
  for (const [user, password] of Object.entries(users)) {
    assert.equal(spawnSync("mosquitto_passwd", ["-b", passwords, user, password]).status, 0);
  }
  const conf = join(directory, "mosquitto.conf");
  const written = readDoc("metrica-fleet.conf")
    .replaceAll(/^(certfile|keyfile) .*$/gm, "")
    .replace("listener 8883", `listener ${port} 127.0.0.1`)
    .replaceAll("/etc/mosquitto", directory);
  // As root it would become another user, who cannot read the files of this test.
  writeFileSync(conf, process.getuid?.() === 0 ? `${written}\nuser root\n` : written);
  const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` };
  const child = spawn("mosquitto", ["-c", conf], { env, stdio: "ignore" });
  return { directory, port, child };
}

async function withMosquitto(body: (port: number) => Promise<void>): Promise<void> {
  const { directory, port, child } = await startMosquitto();
  const ended = once(child, "exit");
  try {
    while (!(await isOpen(port))) await sleep(20);
    await body(port);
  } finally {
    child.kill("SIGKILL");
    await ended;
    rmSync(directory, { recursive: true });
  }
}

function isOpen(port: number): Promise<boolean> {
  const socket = connectTcp(port, "127.0.0.1");
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}

function connect(port: number, user: string, options: IClientOptions = {}): Promise<MqttClient> {
  const password = users[user as User];
  const own = { username: user, password, clientId: user, reconnectPeriod: 0, ...options };
  return mqtt.connectAsync(`mqtt://127.0.0.1:${port}`, own, false);
}

/** Topics of all that comes in, until the last one was heard. */
function listen(client: MqttClient): { heard: Set<string>; last: Promise<void> } {
  const heard = new Set<string>();
  const { promise, resolve } = Promise.withResolvers<void>();
  client.on("message", (topic, payload) => {
    if (payload.toString() === "last") resolve();
    else heard.add(topic);
  });
  return { heard, last: promise };
}

test.real("mosquitto", "what each may write is what the hub's own broker would take", async () => {
  await withMosquitto(async (port) => {
    const hub = await connect(port, "HUB");
    await hub.subscribeAsync("fleet/v1/#", { qos: 1 });
    for (const [user, who] of Object.entries(principals)) {
      const { heard, last } = listen(hub);
      const client = await connect(port, user);
      for (const topic of [...topics, "fleet/v1", "other", "$SYS/broker/x"])
        await client.publishAsync(topic, "said", { qos: 1 });
      await client.endAsync();
      await hub.publishAsync("fleet/v1/end", "last", { qos: 1 });
      await last;
      hub.removeAllListeners("message");
      const allowed = topics.filter((topic) => {
        const { qos, retain } = wire[topic.split("/").at(-1) as Channel];
        return publishRefusal(who, { topic, qos, retain, payload: "said" }) === null;
      });
      assert.deepEqual([...heard].toSorted(), allowed.toSorted(), user);
    }
    await hub.endAsync();
  });
});

test.real("mosquitto", "what each may read is what the hub's own broker would give", async () => {
  await withMosquitto(async (port) => {
    const hub = await connect(port, "HUB");
    for (const topic of topics) await hub.publishAsync(topic, "kept", { qos: 1, retain: true });
    for (const [user, who] of Object.entries(principals)) {
      const client = await connect(port, user);
      const { heard, last } = listen(client);
      for (const filter of [...topics, "fleet/v1/#", "fleet/v1/d/+/desired", "#", "$SYS/#"])
        await client.subscribeAsync(filter, { qos: 1 }).catch(() => undefined);
      for (const topic of topics) await hub.publishAsync(topic, "new", { qos: 1 });
      const own = topicOf((user === "operator" ? "pi-1" : user) as DeviceId, "ack");
      await hub.publishAsync(own, "last", { qos: 1 });
      await last;
      await client.endAsync();
      const allowed = topics.filter((topic) => mayRead(who, topic));
      assert.deepEqual([...heard].toSorted(), allowed.toSorted(), user);
    }
    await hub.endAsync();
  });
});

test.real("mosquitto", "nobody comes in without a password or by another's client id", async () => {
  await withMosquitto(async (port) => {
    const rightful = await connect(port, "pi-10");
    let isLost = false;
    rightful.on("close", () => {
      isLost = true;
    });
    await assert.rejects(connect(port, "pi-1", { password: "wrong" }), { code: 5 });
    await assert.rejects(connect(port, "pi-7"), { code: 5 });
    const thief = await connect(port, "pi-1", { clientId: "pi-10" });
    await sleep(200);
    assert.equal(isLost, false);
    await thief.endAsync();
    await rightful.endAsync();
  });
});

test("the documented size limit is the wire's", () => {
  assert.match(
    readDoc("metrica-fleet.conf"),
    new RegExp(`^max_packet_size ${maxPacketBytes}$`, "m"),
  );
});
