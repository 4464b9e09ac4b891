// Messages that come twice, too late, out of order or out of date, and messages that are no messages.
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { type Packet, publishPacket } from "#scripts/faults/mqtt_packets.ts";
import type { Random } from "#scripts/faults/random.ts";
import { createRelay, type Meddle, type Relay } from "#scripts/faults/relay.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";
import { type Channel, topicOf } from "#shared/topic.ts";
import { wire } from "#shared/wire.ts";

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
      relay.meddle(muddled(trial.random));
      for (let round = 0; round < 3; round += 1) {
        await trial.device.converged(await trial.device.release("good"));
      }
    }),
};

/** Every PUBLISH may come twice, behind the next one, or with an older one of its topic. */
function muddled(random: Random): Meddle {
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
    if (stale !== undefined) sent.push(stale);
    if (random.next() < 0.5) sent.push(packet);
    if (sent.length > 1 || random.next() < 0.7) return sent;
    held.set(way, packet);
    return [];
  };
}

export const poison: Fault = {
  name: "poison",
  says: "Garbage, foreign, unsigned and oversized messages reach the device and the hub; both go on.",
  tries: few,
  run: (trial) =>
    throughRelay(trial, async (relay) => {
      const { device, world } = trial;
      for (const packet of poisonFor(device, trial.random)) {
        await injected(relay, packet, "down");
      }
      await device.converged(await device.release("good"));
      for (const packet of poisonOf(device, trial.random)) await injected(relay, packet, "up");
      if (!world.hub.program.running()) throw notSurvived("the hub has ended");
      await device.converged(await device.release("good"));
    }),
};

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
