// Carries one connection to the first backend that takes it, both ways, until both ways have ended.
import { connect, type Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { type Backend, keyOf } from "./table.ts";

/** Between hosts on a bridge of this device an answer takes well under a millisecond. */
const connectLimitMs = 2000;
/** A copy that restarts is away for a moment; a client that waits is better off than one that is refused. */
const patienceMs = 1000;
const pauseMs = 50;
const keepAliveMs = 60_000;

export interface Relays {
  /** @param backends asked again before each try, since a copy may have been replaced meanwhile */
  carry(client: Socket, backends: () => readonly Backend[]): void;
  /** Connections that are open, by backend. */
  open(): Record<string, number>;
  count(): number;
}

export function createRelays(): Relays {
  const open = new Map<string, number>();
  const clients = new Set<Socket>();

  const join = (client: Socket, backend: Socket, key: string): void => {
    open.set(key, (open.get(key) ?? 0) + 1);
    backend.once("close", () => {
      const left = (open.get(key) ?? 1) - 1;
      if (left === 0) open.delete(key);
      else open.set(key, left);
    });
    couple(client, backend);
  };

  const serve = async (client: Socket, backends: () => readonly Backend[]): Promise<void> => {
    const giveUpAt = performance.now() + patienceMs;
    while (!client.destroyed) {
      for (const backend of backends()) {
        const socket = await dial(backend);
        if (socket === undefined) continue;
        return join(client, socket, keyOf(backend));
      }
      if (performance.now() > giveUpAt) return void client.resetAndDestroy();
      await wait(pauseMs);
    }
  };

  return {
    carry: (client, backends) => {
      clients.add(client);
      client.once("close", () => clients.delete(client));
      // Until it is coupled, the only thing that can fail is the client itself, which then is gone.
      client.on("error", () => undefined);
      tune(client);
      void serve(client, backends);
    },
    open: () => Object.fromEntries(open),
    count: () => clients.size,
  };
}

/** Undefined when nobody takes the connection in time. */
function dial({ host, port }: Backend): Promise<Socket | undefined> {
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  const socket = connect({ host, port, allowHalfOpen: true });
  const timer = setTimeout(() => socket.destroy(), connectLimitMs);
  socket.on("error", () => undefined);
  socket.once("close", () => resolve(undefined));
  socket.once("connect", () => {
    clearTimeout(timer);
    tune(socket);
    resolve(socket);
  });
  socket.once("close", () => clearTimeout(timer));
  return promise;
}

function tune(socket: Socket): void {
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
}

/** `pipe` waits for the slower side and hands an end on as a half-close. What breaks on one side is reset
 *  on the other: an end would look like all there was. */
function couple(client: Socket, backend: Socket): void {
  for (const [one, other] of [
    [client, backend],
    [backend, client],
  ] as const) {
    one.on("error", () => other.resetAndDestroy());
    one.once("close", () => {
      if (!one.readableEnded) other.destroy();
    });
  }
  if (client.destroyed) return void backend.destroy();
  client.pipe(backend);
  backend.pipe(client);
}
