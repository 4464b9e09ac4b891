// A TCP proxy whose network can be made bad at any moment: slow, lossy, one-way, cut in mid-packet.
import { connect, createServer, type Server, type Socket } from "node:net";
import { type Flow, runFlow } from "./flow.ts";
import { createNudge, type Nudge } from "./nudge.ts";

export interface Faults {
  /** From the client to the server. */
  up?: Flow;
  /** From the server to the client. */
  down?: Flow;
  /** New connections are reset as soon as they are there. */
  refuse?: boolean;
}

export interface Address {
  host: string;
  port: number;
}

export interface FaultProxy {
  /** @returns where clients connect; the same port after a stop */
  start(): Promise<Address>;
  /** Cuts every connection and listens no more. */
  stop(): Promise<void>;
  /** Replaces all faults, for live connections too; `set({})` is a sound network again. */
  set(faults: Faults): void;
  /** Resets every live connection; new ones are taken. */
  cut(): void;
  /** How many there are now. A partition keeps them, as long as either end does. */
  connections(): number;
  /** How often a connection was truncated in the middle of what it carried. */
  truncations(): number;
  /** Bytes that have arrived so far, over all connections. */
  passed(): { up: number; down: number };
}

interface Pair {
  near: Socket;
  far: Socket;
  nudge: Nudge;
}

export function createProxy(options: {
  target: Address;
  host?: string;
  port?: number;
}): FaultProxy {
  const { target, host = "127.0.0.1" } = options;
  const pairs = new Set<Pair>();
  const passed = { up: 0, down: 0 };
  let faults: Faults = {};
  let version = 0;
  let truncations = 0;
  let port = options.port ?? 0;
  let server: Server | undefined;

  const accept = (near: Socket): void => {
    if (faults.refuse) return void near.resetAndDestroy();
    const far = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const pair: Pair = { near, far, nudge: createNudge() };
    pairs.add(pair);
    followEnds(pair, () => pairs.delete(pair));
    for (const way of ["up", "down"] as const) {
      const [from, to] = way === "up" ? [near, far] : [far, near];
      void runFlow({
        from,
        to,
        nudge: pair.nudge,
        flow: () => ({ ...faults[way], version }),
        onPassed: (bytes) => {
          passed[way] += bytes;
        },
        onTruncated: () => {
          truncations += 1;
        },
      });
    }
  };
  const cut = (): void => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  };
  return {
    start: async () => {
      server = createServer({ allowHalfOpen: true, noDelay: true }, accept);
      port = await listen(server, { host, port });
      return { host, port };
    },
    stop: async () => {
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      const closed = new Promise((resolve) => closing.close(resolve));
      cut();
      await closed;
    },
    set: (next) => {
      faults = next;
      version += 1;
      for (const { nudge } of pairs) nudge.wake();
    },
    cut,
    connections: () => pairs.size,
    truncations: () => truncations,
    passed: () => ({ ...passed }),
  };
}

function followEnds(pair: Pair, onBothClosed: () => void): void {
  const { near, far, nudge } = pair;
  for (const socket of [near, far]) {
    // What an error means for the other end is for the flow to decide: a partition hides it.
    socket.on("error", () => undefined);
    socket.once("close", () => {
      nudge.wake();
      if (near.closed && far.closed) onBothClosed();
    });
  }
}

function listen(server: Server, { host, port }: Address): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once("error", reject);
  server.listen(port, host, () => {
    const address = server.address();
    if (address === null || typeof address === "string") return reject(new TypeError("no port"));
    return resolve(address.port);
  });
  return promise;
}
