// The hub's own broker behind a network that can be made bad, and a hub that stores and acknowledges.

import { createEmbeddedBroker, type EmbeddedBroker } from "#hub/broker/aedes.ts";
import type { Uplink } from "#hub/broker/port.ts";
import { createProxy, type FaultProxy } from "#scripts/faults/proxy.ts";
import { systemClock } from "#shared/clock.ts";
import type { JournalBatch } from "#shared/journal.ts";
import { decode, type Message } from "#shared/wire.ts";
import { deviceId, secret } from "./fixture.ts";

export interface FarHub {
  broker: EmbeddedBroker;
  proxy: FaultProxy;
  /** Through the proxy. */
  url: string;
  heard: { [C in Uplink]: Message<C>[] };
  /** Seqs in the order in which they were stored. */
  stored: number[];
  /** Whether the hub behind the broker is alive. */
  answers: boolean;
}

export async function withFarHub(body: (hub: FarHub) => Promise<void>): Promise<void> {
  const broker = createEmbeddedBroker({
    host: "127.0.0.1",
    port: 0,
    clock: systemClock,
    authenticator: {
      device: async (id, given) =>
        id === deviceId && given === secret ? { kind: "device", id: deviceId } : null,
      operator: async () => null,
    },
  });
  await broker.start();
  const proxy = createProxy({
    target: { host: "127.0.0.1", port: Number(new URL(broker.url).port) },
  });
  const { host, port } = await proxy.start();
  const heard = { reported: [], conn: [], beat: [], journal: [] };
  const hub: FarHub = {
    broker,
    proxy,
    url: `mqtt://${host}:${port}`,
    heard,
    stored: [],
    answers: true,
  };
  broker.onUplink((_, channel, payload) => {
    const message = decode(channel, payload);
    (hub.heard[channel] as unknown[]).push(message);
    if (channel === "journal" && hub.answers) store(hub, message as JournalBatch);
  });
  try {
    await body(hub);
  } finally {
    await proxy.stop();
    await broker.stop();
  }
}

/** As the hub's store does: a batch that would leave a gap is not stored. */
function store({ broker, stored }: FarHub, { epoch, from, entries }: JournalBatch): void {
  const highest = stored.at(-1) ?? 0;
  if (from <= highest + 1) {
    for (const { seq } of entries) if (seq > highest) stored.push(seq);
  }
  broker.acknowledge(deviceId, { epoch, seq: stored.at(-1) ?? 0 });
}
