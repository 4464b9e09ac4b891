// Messages that come twice, too late, out of order or out of date, and messages that are no messages.
import { generateKeyPairSync } from "node:crypto";
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { NotStruck } from "#scripts/faults/miss.ts";
import { type Packet, publishPacket } from "#scripts/faults/mqtt_packets.ts";
import type { Random } from "#scripts/faults/random.ts";
import { createRelay, type Meddle, type Relay } from "#scripts/faults/relay.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";
import { canonicalJson } from "#shared/canonical.ts";
import { DesiredState } from "#shared/desired.ts";
import { Envelope, seal } from "#shared/envelope.ts";
import { type Channel, topicOf } from "#shared/topic.ts";
import { wire } from "#shared/wire.ts";

/** Some rounds of the device. */
const staleMs = 3000;
const mostRounds = 10;

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);

/** The agent speaks MQTT through the relay during the body; afterwards everything is honest again. */
async function throughRelay(
  { world, device }: Trial,
  body: (relay: Relay) => Promise<void>,
): Promise<void> {
  const relay = createRelay({ port: world.hub.mqttPort });
  try {
    await device.agent.restart({ mqttUrl: `mqtt://127.0.0.1:${await relay.start()}` });
    await device.connected();
    await body(relay);
    relay.meddle((packet) => [packet]);
    const [release] = device.releases();
    if (release?.quality === "good") await device.converged(release);
    await device.agent.restart();
  } finally {
    await relay.stop();
  }
}

export const repeatedMessages: Fault = {
  name: "messages-repeated",
  says: "Messages come twice, in another order, and with desired states of long ago between them.",
  tries: few,
  run: (trial) =>
    throughRelay(trial, async (relay) => {
      const { device, random, note } = trial;
      const done = { repeated: 0, held: 0, stale: 0 };
      relay.meddle(muddled(random, done));
      // A quick device says little: it may take some more until each of them was done.
      for (let round = 0; round < 3 || (round < mostRounds && untried(done)); round += 1) {
        await device.converged(await device.release("good"));
      }
      await outOfDate(device, relay);
      note(
        `${done.repeated} repeated, ${done.held} behind the next one, ${done.stale} out of date`,
      );
      const missing = untried(done);
      if (missing !== undefined) throw new NotStruck(`no message was ${missing}`);
    }),
};

function untried(done: Readonly<Record<string, number>>): string | undefined {
  return Object.keys(done).find((what) => done[what] === 0);
}

/** The first desired state of the relay comes once more, when three newer ones are in force: for the device to
 *  take it, or to leave what it has, there is time until the next release. */
async function outOfDate(device: Device, relay: Relay): Promise<void> {
  const [first] = relay.seen(topicOf(device.id, "desired"));
  if (first === undefined) throw notSurvived("no desired state came through the relay");
  const before = await device.served();
  await injected(relay, first, "down");
  await pause(staleMs);
  if ((await device.served()) !== before) throw notSurvived("it went back to an old desired state");
}

/** Every PUBLISH may come twice, behind the next one, or with an older one of its topic.
 *  @param done counts what was done */
function muddled(random: Random, done: Record<"repeated" | "held" | "stale", number>): Meddle {
  const past = new Map<string, Packet[]>();
  const held = new Map<string, Packet>();
  return (packet, way) => {
    const before = held.get(way);
    held.delete(way);
    const sent = [packet, ...(before === undefined ? [] : [before])];
    if (packet.topic === undefined) return sent;
    const older = past.get(packet.topic) ?? [];
    past.set(packet.topic, [...older, packet]);
    const stale = older[random.between(0, older.length)];
    if (stale !== undefined) {
      sent.push(stale);
      done.stale += 1;
    }
    if (random.next() < 0.5) {
      sent.push(packet);
      done.repeated += 1;
    }
    if (sent.length > 1 || random.next() < 0.7) return sent;
    held.set(way, packet);
    done.held += 1;
    return [];
  };
}

export const poison: Fault = {
  name: "poison",
  says: "Garbage, foreign, unsigned and oversized messages reach the device and the hub; both go on.",
  tries: few,
  run: (trial) =>
    throughRelay(trial, async (relay) => {
      const { device, world, random } = trial;
      const programs = [device.agent.program, world.hub.program];
      const pids = programs.map((program) => program.pid());
      const before = await device.view();
      for (const packet of [...forgeries(device, relay), ...poisonFor(device, random)]) {
        await injected(relay, packet, "down");
      }
      const after = await device.view();
      if (after.observedGeneration !== before.observedGeneration) {
        throw notSurvived("the device has taken a desired state that its hub did not sign");
      }
      await device.converged(await device.release("good"));
      for (const packet of poisonOf(device, random)) await injected(relay, packet, "up");
      await device.converged(await device.release("good"));
      if (programs.some((program, at) => program.pid() !== pids[at])) {
        throw notSurvived("the agent or the hub has ended");
      }
    }),
};

/** In perfect form, and later than what is in force: one changed under the hub's signature, one signed by another
 *  key under the name of the hub's. Each would end every app. */
function forgeries({ id }: Device, relay: Relay): Packet[] {
  const topic = topicOf(id, "desired");
  const genuine = relay.seen(topic).at(-1)?.payload;
  if (genuine === undefined) throw notSurvived("no desired state came through the relay");
  const { payload, payloadType, signatures } = Envelope.parse(JSON.parse(genuine.toString()));
  const wish = DesiredState.parse(JSON.parse(Buffer.from(payload, "base64").toString()));
  const forged = { ...wish, generation: wish.generation + 1, apps: [] };
  const { privateKey } = generateKeyPairSync("ed25519");
  const changed = Buffer.from(canonicalJson(forged)).toString("base64");
  const envelopes = [
    { payload: changed, payloadType, signatures },
    seal(payloadType, forged, privateKey, signatures[0]?.keyid ?? ""),
  ];
  return envelopes.map((one) => publishPacket(topic, Buffer.from(JSON.stringify(one))));
}

/** Either side may answer poison by closing the connection: the next dose waits for a new one. */
async function injected(relay: Relay, packet: Packet, way: "up" | "down"): Promise<void> {
  await until("a connection", async () => relay.inject(packet, way), { limitMs: 60_000 });
  await pause(200);
}

/** Not signed, signed by nobody, for nobody, no JSON, and more than a device takes. */
function poisonFor({ id }: Device, random: Random): Packet[] {
  const desired = topicOf(id, "desired");
  const forged = { payload: Buffer.from('{"generation":999}').toString("base64") };
  const envelope = { ...forged, payloadType: "x", signatures: [{ keyid: "none", sig: "AAAA" }] };
  const texts = ["", "{", "null", JSON.stringify({ generation: 1e9 }), JSON.stringify(envelope)];
  return [
    ...texts.map((text) => publishPacket(desired, Buffer.from(text))),
    publishPacket(desired, noise(random, 1000)),
    publishPacket(desired, Buffer.alloc(wire.desired.maxBytes + 1, "x")),
    publishPacket(topicOf(id, "ack"), Buffer.from('{"epoch":"other","seq":1000000}')),
    publishPacket(topicOf(id, "ack"), noise(random, 100)),
    publishPacket("fleet/v1/d/../desired", noise(random, 10)),
  ];
}

function poisonOf({ id }: Device, random: Random): Packet[] {
  const channels: Channel[] = ["reported", "journal", "conn", "beat"];
  const id16 = 65_000;
  return channels.flatMap((channel) => {
    const { qos, retain, maxBytes } = wire[channel];
    const options = qos === 0 ? { retain } : { retain, id: id16 };
    const publish = (payload: Uint8Array) => publishPacket(topicOf(id, channel), payload, options);
    return [
      publish(Buffer.from("{")),
      publish(noise(random, 500)),
      publish(Buffer.from('{"at":-1,"entries":[]}')),
      publish(Buffer.alloc(maxBytes + 1, "x")),
    ];
  });
}

function noise(random: Random, bytes: number): Buffer {
  return Buffer.from(Array.from({ length: bytes }, () => random.between(0, 255)));
}
