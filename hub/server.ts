// Serves the HTTP application on one address.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type ServerType } from "@hono/node-server";
import { FleetError } from "#shared/errors.ts";

export interface HttpServer {
  /** @throws FleetError port_taken, config_invalid */
  start(): Promise<{ url: string }>;
  stop(): Promise<void>;
}

interface Options {
  host: string;
  /** 0 takes a free one. */
  port: number;
  fetch: Parameters<typeof createAdaptorServer>[0]["fetch"];
  /** A connection that could not be taken, for want of file descriptors for instance; the others go on. */
  readonly onFault: (error: Error) => void;
}

/** A whole fleet may come back at once. */
const backlog = 4096;

export function createHttpServer({ host, port, fetch, onFault }: Options): HttpServer {
  let server: ServerType | undefined;
  return {
    start: async () => {
      server = createAdaptorServer({ fetch });
      server.listen({ port, host, backlog });
      await once(server, "listening").catch((cause: NodeJS.ErrnoException) => {
        throw refused(host, port, cause);
      });
      server.on("error", onFault);
      const { address, family, port: bound } = server.address() as AddressInfo;
      return { url: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}` };
    },
    stop: async () => {
      const closing = server;
      server = undefined;
      if (closing === undefined) return;
      const closed = new Promise<void>((resolve) => closing.close(() => resolve()));
      if ("closeAllConnections" in closing) closing.closeAllConnections();
      await closed;
    },
  };
}

function refused(host: string, port: number, cause: NodeJS.ErrnoException): FleetError {
  const taken = cause.code === "EADDRINUSE";
  return new FleetError(taken ? "port_taken" : "config_invalid", {
    message: taken
      ? `port ${port} on ${host} is taken, so the API cannot listen there`
      : `the API cannot listen on ${host}:${port} (${cause.code ?? cause.message})`,
    hint: "Choose another address with --http-host and --http-port.",
    subject: `${host}:${port}`,
    cause,
  });
}
