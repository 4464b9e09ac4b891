// A real aedes broker with a small hub behind it: records what devices say and acknowledges journals.
import { createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";
import type { Envelope } from "#shared/envelope.ts";
import type { JournalAck, JournalEntry } from "#shared/journal.ts";
import { type Channel, parseTopic, topicOf } from "#shared/topic.ts";
import { decode, encode, type Message } from "#shared/wire.ts";
import { deviceId, secret } from "./fixture.ts";

export interface TestBroker {
  url: string;
  heard: { [C in Channel]?: Message<C>[] };
  /** What the hub's store would hold, by seq. */
  stored: Map<number, JournalEntry>;
  /** Whether batches are answered. */
  answers: boolean;
  /** What becomes of subscriptions. */
  subscriptions: "granted" | "refused" | "unanswered";
  sockets: Set<Socket>;
  desire(envelope: Envelope | Buffer): void;
  acknowledge(ack: JournalAck): void;
  /** Stops listening and cuts every connection. */
  stop(): Promise<void>;
}

export async function startBroker(port = 0): Promise<TestBroker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.once("close", () => sockets.delete(socket)));
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  aedes.authenticate = (_client, username, password, done) =>
    done(null, username === deviceId && password?.toString() === secret);
  const send = (channel: "desired" | "ack", payload: Buffer, retain: boolean): void => {
    const topic = topicOf(deviceId, channel);
    const packet = { cmd: "publish", qos: 1, dup: false, topic, payload, retain } as const;
    aedes.publish(packet, () => undefined);
  };
  const broker: TestBroker = {
    url: `mqtt://127.0.0.1:${portOf(server)}`,
    heard: {},
    stored: new Map(),
    answers: true,
    subscriptions: "granted",
    sockets,
    desire: (envelope) =>
      send("desired", Buffer.isBuffer(envelope) ? envelope : encode("desired", envelope), true),
    acknowledge: (ack) => send("ack", encode("ack", ack), false),
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  aedes.authorizeSubscribe = (_client, subscription, done) => {
    if (broker.subscriptions === "granted") done(null, subscription);
    if (broker.subscriptions === "refused") done(null, null);
  };
  aedes.on("publish", (packet) => {
    const parts = parseTopic(packet.topic);
    if (parts !== undefined) hear(broker, parts.channel, Buffer.from(packet.payload));
  });
  return broker;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new TypeError("no port");
  return address.port;
}

function hear(broker: TestBroker, channel: Channel, payload: Buffer): void {
  if (channel === "desired" || channel === "ack") return;
  const message = decode(channel, payload);
  const list = (broker.heard[channel] ?? []) as unknown[];
  broker.heard = { ...broker.heard, [channel]: [...list, message] };
  if (channel === "journal") store(broker, message as Message<"journal">);
}

/** As the hub's store does: a batch that would leave a gap is not stored. */
function store(broker: TestBroker, batch: Message<"journal">): void {
  const highest = Math.max(0, ...broker.stored.keys());
  if (batch.from <= highest + 1) {
    for (const entry of batch.entries) broker.stored.set(entry.seq, entry);
  }
  const seq = Math.max(0, ...broker.stored.keys());
  if (broker.answers) broker.acknowledge({ epoch: batch.epoch, seq });
}
