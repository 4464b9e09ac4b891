// The embedded broker: aedes over TCP, with the hub's own access rules, limits and retained messages.
import { createServer, type Server } from "node:net";
import { Aedes, type AedesOptions, type Client } from "aedes";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { topicOf } from "#shared/topic.ts";
import { encode, maxPacketBytes } from "#shared/wire.ts";
import { type Access, createAccess } from "./auth.ts";
import { createExchange } from "./exchange.ts";
import { type ConnectionLimits, LimitedConnection } from "./limit.ts";
import { retainedOnly } from "./persistence.ts";
import type { Authenticator, Broker, StreamListener, UplinkListener } from "./port.ts";
import { createRetainedMessages } from "./retained.ts";
import { streamOf, uplinkOf } from "./rules.ts";
import { createThrottle } from "./throttle.ts";

interface Options {
  host: string;
  /** 0 takes a free one. */
  port: number;
  authenticator: Authenticator;
  clock: Clock;
  /** Within which a CONNECT must have come. */
  connectTimeoutMs?: number;
  limits?: Partial<ConnectionLimits>;
}

export interface EmbeddedBroker extends Broker {
  /** Connections and messages refused so far, by reason. */
  refusals(): Readonly<Record<string, number>>;
}

/** A whole fleet comes back at once after the hub was down. */
const listenBacklog = 4096;
const keepAliveMs = 30_000;
const drainTimeoutMs = 20_000;

const defaultLimits: ConnectionLimits = {
  maxPacketBytes,
  maxLoginBytes: 16 * 1024,
  maxOutboundBytes: 4 * 1024 * 1024,
};

export function createEmbeddedBroker(options: Options): EmbeddedBroker {
  const { host, port, authenticator, clock, connectTimeoutMs = 10_000 } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const access = createAccess(authenticator, createThrottle(clock));
  const retained = createRetainedMessages();
  const listeners: UplinkListener[] = [];
  const streamListeners: StreamListener[] = [];
  const refusals: Record<string, number> = {};
  const sockets = new Set<LimitedConnection>();
  const clients = new Set<Client>();
  let running: { aedes: Aedes; server: Server; url: string } | undefined;

  const refuse = (reason: string): void => {
    refusals[reason] = (refusals[reason] ?? 0) + 1;
  };
  const accept = (aedes: Aedes): Server =>
    createServer(
      { keepAlive: true, keepAliveInitialDelay: keepAliveMs, noDelay: true },
      (socket) => {
        const connection = new LimitedConnection(socket, limits, refuse);
        sockets.add(connection);
        connection.once("close", () => sockets.delete(connection));
        aedes.handle(connection);
      },
    );
  const follow = (aedes: Aedes): void => {
    aedes.on("client", (client) => clients.add(client));
    aedes.on("clientDisconnect", (client) => {
      clients.delete(client);
      access.left(client);
    });
    aedes.addListener("error", () => refuse("broker_error"));
  };
  const tell = (topic: string, payload: Buffer): void => {
    const uplink = uplinkOf(topic);
    if (uplink !== undefined) {
      for (const listener of listeners) listener(uplink.device, uplink.channel, payload);
    }
    const device = streamOf(topic);
    if (device !== undefined) for (const listener of streamListeners) listener(device, payload);
  };
  /** While stopping, wills say nothing about devices: it is the hub that goes. */
  const hear: NonNullable<AedesOptions["published"]> = (packet, client, done) => {
    if (client !== null && running !== undefined) tell(packet.topic, Buffer.from(packet.payload));
    done();
  };
  const publish = (topic: string, payload: Buffer): void => {
    running?.aedes.publish(
      { cmd: "publish", topic, payload, qos: 1, retain: false, dup: false },
      () => undefined,
    );
  };
  return {
    get url() {
      if (running !== undefined) return running.url;
      throw new FleetError("internal", { message: "the broker's address is known once it runs" });
    },
    start: async () => {
      if (running !== undefined) return;
      const aedes = await Aedes.createBroker({
        persistence: retainedOnly(retained),
        mq: createExchange(),
        concurrency: 0,
        connectTimeout: connectTimeoutMs,
        drainTimeout: drainTimeoutMs,
        published: hear,
        ...hooksOf(access, refuse),
      });
      follow(aedes);
      const server = accept(aedes);
      try {
        running = { aedes, server, url: await listen(server, host, port) };
      } catch (error) {
        aedes.close();
        throw error;
      }
      // Out of file descriptors, for instance: the connections that are there go on.
      server.on("error", () => refuse("accept_failed"));
    },
    stop: async () => {
      if (running === undefined) return;
      const { aedes, server } = running;
      running = undefined;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await new Promise<void>((resolve) => aedes.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    publishDesired: (device, envelope) => {
      const topic = topicOf(device, "desired");
      const payload = encode("desired", envelope);
      retained.set(topic, payload, 1);
      publish(topic, payload);
    },
    acknowledge: (device, ack) => publish(topicOf(device, "ack"), encode("ack", ack)),
    command: (device, command) => publish(topicOf(device, "cmd"), encode("cmd", command)),
    isConnected: (device) => access.connectionOf(device) !== undefined,
    onStream: (listener) => {
      streamListeners.push(listener);
    },
    disconnect: (device) => access.connectionOf(device)?.close(),
    onUplink: (listener) => {
      listeners.push(listener);
    },
    connections: () => clients.size,
    refusals: () => ({ ...refusals }),
  };
}

type Hooks = Pick<
  Required<AedesOptions>,
  "preConnect" | "authenticate" | "authorizePublish" | "authorizeSubscribe" | "authorizeForward"
>;

function hooksOf(access: Access, refuse: (reason: string) => void): Hooks {
  return {
    preConnect: (client, packet, done) => {
      packet.clean = true;
      access.announce(client, packet.will as Parameters<Access["announce"]>[1]);
      done(null, true);
    },
    authenticate: (client, username, password, done) => {
      const connection = client.conn as LimitedConnection;
      const secret = password?.toString("utf8") ?? "";
      const answer = async (): Promise<void> => {
        const admission = await access.admit(
          client,
          username ?? "",
          secret,
          connection.remoteAddress,
        );
        if (admission.admitted) {
          connection.admit();
          return done(null, true);
        }
        refuse(admission.reason);
        const { reason, returnCode } = admission;
        done(Object.assign(new Error(`connection refused: ${reason}`), { returnCode }), false);
      };
      void answer();
    },
    authorizePublish: (client, packet, done) => {
      const reason = client === null ? null : access.refusePublish(client, packet);
      if (reason === null) return done();
      refuse(reason);
      done(new Error(`message refused: ${reason}`));
    },
    authorizeSubscribe: (client, subscription, done) => {
      const allowed = access.maySubscribe(client, subscription.topic);
      if (!allowed) refuse("foreign_subscription");
      done(null, allowed ? subscription : null);
    },
    authorizeForward: (client, packet) => (access.mayRead(client, packet.topic) ? packet : null),
  };
}

/** @returns the address once it is open
 *  @throws FleetError port_taken, or config_invalid for an address that this machine does not have */
function listen(server: Server, host: string, port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  server.once("error", (cause: NodeJS.ErrnoException) => reject(listenError(host, port, cause)));
  server.listen({ host, port, backlog: listenBacklog }, () => {
    const address = server.address();
    const open = address !== null && typeof address === "object" ? address.port : port;
    resolve(`mqtt://${host.includes(":") ? `[${host}]` : host}:${open}`);
  });
  return promise;
}

function listenError(host: string, port: number, cause: NodeJS.ErrnoException): FleetError {
  const taken = cause.code === "EADDRINUSE";
  return new FleetError(taken ? "port_taken" : "config_invalid", {
    message: taken
      ? `port ${port} on ${host} is taken by another program`
      : `the broker cannot listen on ${host}:${port} (${cause.code})`,
    hint: "Choose another address with --mqtt-host and --mqtt-port.",
    cause,
  });
}
