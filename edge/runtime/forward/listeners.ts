// Holds host ports and hands each connection to the copies behind its port, one after the other.
import { createServer, type Server, type Socket } from "node:net";
import { createRelays } from "./relay.ts";
import { type Backend, everyAddress, type ForwardAnswer, keyOf, type Route } from "./table.ts";

/** A port that another program holds is tried again: the copy that publishes it itself may be going. */
const retryMs = 200;

interface Listener {
  route: Route;
  /** Ends the listening, not the connections. */
  close(): void;
  /** Settled once the first try has ended. */
  tried: Promise<void>;
  /** Errno of the last try; undefined when the port is held. */
  refusal(): string | undefined;
}

export interface Listeners {
  /** Ports that stay are not let go of for a moment, and connections stay with their copies. */
  apply(routes: readonly Route[]): Promise<void>;
  answer(): ForwardAnswer;
  /** Whether no port is held and no connection open. */
  idle(): boolean;
}

export function createListeners(): Listeners {
  const relays = createRelays();
  const listeners = new Map<string, Listener>();

  const open = (route: Route): Listener => {
    let turn = 0;
    const inTurn = (): readonly Backend[] => {
      const { backends } = listener.route;
      const from = turn++ % Math.max(1, backends.length);
      return [...backends.slice(from), ...backends.slice(0, from)];
    };
    const held = hold(route, (client) => relays.carry(client, inTurn));
    const listener: Listener = { route, ...held };
    return listener;
  };

  return {
    apply: async (routes) => {
      const wanted = new Set(routes.map(keyOf));
      for (const [key, listener] of listeners) {
        if (wanted.has(key)) continue;
        listener.close();
        listeners.delete(key);
      }
      for (const route of routes) {
        const known = listeners.get(keyOf(route));
        if (known === undefined) listeners.set(keyOf(route), open(route));
        else known.route = route;
      }
      await Promise.all([...listeners.values()].map(({ tried }) => tried));
    },
    answer: () => ({
      routes: [...listeners.values()].map(({ route }) => route),
      refused: Object.fromEntries(
        [...listeners].flatMap(([key, { refusal }]) => {
          const errno = refusal();
          return errno === undefined ? [] : [[key, errno]];
        }),
      ),
      open: relays.open(),
    }),
    idle: () => listeners.size === 0 && relays.count() === 0,
  };
}

/** Listens, and goes on trying while it may not. */
function hold(
  route: Route,
  onClient: (client: Socket) => void,
): Pick<Listener, "close" | "tried" | "refusal"> {
  const { promise: tried, resolve: settle } = Promise.withResolvers<void>();
  let refusal: string | undefined = "EAGAIN";
  let closed = false;
  let server: Server | undefined;
  let timer: NodeJS.Timeout | undefined;

  const attempt = async (): Promise<void> => {
    const made = createServer({ allowHalfOpen: true, noDelay: true }, onClient);
    refusal = await listen(made, route);
    if (closed) made.close();
    else if (refusal === undefined) server = made;
    else timer = setTimeout(() => void attempt(), retryMs);
    settle();
  };
  void attempt();
  return {
    tried,
    refusal: () => refusal,
    close: () => {
      closed = true;
      clearTimeout(timer);
      server?.close();
    },
  };
}

/** @returns the errno when it failed */
async function listen(server: Server, { host, port }: Route): Promise<string | undefined> {
  if (host !== everyAddress) return tryListen(server, host, port);
  const errno = await tryListen(server, "::", port);
  const noIpv6 = errno === "EAFNOSUPPORT" || errno === "EADDRNOTAVAIL";
  return noIpv6 ? tryListen(server, "0.0.0.0", port) : errno;
}

function tryListen(server: Server, host: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const onError = ({ code }: NodeJS.ErrnoException): void => resolve(code ?? "unknown");
  server.once("error", onError);
  server.listen({ host, port, exclusive: true }, () => {
    server.off("error", onError);
    // Out of file descriptors for a moment: the next connection may have one.
    server.on("error", () => undefined);
    resolve(undefined);
  });
  return promise;
}
