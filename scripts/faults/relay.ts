// An MQTT relay between a device and its broker that may repeat, hold back, replace and add packets.
import { connect, createServer, type Server, type Socket } from "node:net";
import { createSplitter, type Packet } from "./mqtt_packets.ts";

/** `up`: from the device to the broker. */
export type Way = "up" | "down";

/** @returns what is sent instead, in this order */
export type Meddle = (packet: Packet, way: Way) => Packet[];

export interface Relay {
  /** @returns its port */
  start(): Promise<number>;
  stop(): Promise<void>;
  meddle(change: Meddle): void;
  /** The messages of a topic as they were sent, oldest first. */
  seen(topic: string): readonly Packet[];
  /** Into the connection that is there; false when there is none. */
  inject(packet: Packet, way: Way): boolean;
}

interface Pair {
  near: Socket;
  far: Socket;
}

const honest: Meddle = (packet) => [packet];

export function createRelay({ port }: { port: number }): Relay {
  const pairs = new Set<Pair>();
  const seen = new Map<string, Packet[]>();
  const of = (topic: string): readonly Packet[] => seen.get(topic) ?? [];
  let change = honest;
  let server: Server | undefined;

  const carry = (from: Socket, to: Socket, way: Way): void => {
    const split = createSplitter();
    from.on("data", (chunk) => {
      for (const packet of split(chunk)) {
        if (packet.topic !== undefined) seen.set(packet.topic, [...of(packet.topic), packet]);
        for (const { bytes } of change(packet, way)) to.write(bytes);
      }
    });
    from.once("close", () => to.destroy());
    from.on("error", () => to.destroy());
  };
  const accept = (near: Socket): void => {
    const pair = { near, far: connect({ host: "127.0.0.1", port }) };
    pairs.add(pair);
    near.once("close", () => pairs.delete(pair));
    carry(near, pair.far, "up");
    carry(pair.far, near, "down");
  };
  return {
    start: async () => {
      const opened = createServer({ noDelay: true }, accept);
      server = opened;
      await new Promise<void>((resolve) => opened.listen(0, "127.0.0.1", resolve));
      const address = opened.address();
      if (address === null || typeof address === "string") throw new TypeError("no TCP address");
      return address.port;
    },
    stop: async () => {
      const closed = new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
      for (const { near } of pairs) near.destroy();
      await closed;
    },
    meddle: (next) => {
      change = next;
    },
    seen: of,
    inject: ({ bytes }, way) => {
      const pair = [...pairs].at(-1);
      const to = way === "up" ? pair?.far : pair?.near;
      if (to?.writable !== true) return false;
      to.write(bytes);
      return true;
    },
  };
}
