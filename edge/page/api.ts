// The device's own HTTP server: its API and its page.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type ServerType } from "@hono/node-server";
import type { Hono } from "hono";
import { FleetError } from "#shared/errors.ts";
import { createRoutes, type RouteOptions } from "./routes.ts";

export interface LocalApiOptions extends RouteOptions {
  /** `page` of agent.yaml; port 0 takes a free one. */
  page: { host: string; port: number };
}

export interface LocalApi {
  /** @throws FleetError port_taken, config_invalid when the address is not this machine's */
  start(): Promise<{ host: string; port: number }>;
  stop(): Promise<void>;
}

export function createLocalApi(options: LocalApiOptions): LocalApi {
  const routes = createRoutes(options);
  let server: ServerType | undefined;
  return {
    start: async () => {
      server ??= await listen(routes, options.page);
      const { address, port } = server.address() as AddressInfo;
      return { host: address, port };
    },
    stop: async () => {
      const closing = server;
      server = undefined;
      if (closing !== undefined) await close(closing);
    },
  };
}

async function listen(routes: Hono, page: LocalApiOptions["page"]): Promise<ServerType> {
  const server = createAdaptorServer({ fetch: routes.fetch, overrideGlobalObjects: false });
  server.listen(page.port, page.host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw refused(page, cause as NodeJS.ErrnoException);
  }
  return server;
}

function refused(
  { host, port }: LocalApiOptions["page"],
  cause: NodeJS.ErrnoException,
): FleetError {
  const subject = `${host}:${port}`;
  if (cause.code === "EADDRINUSE") {
    return new FleetError("port_taken", {
      message: `port ${port} on ${host} is already taken, so the device's own API cannot listen there`,
      hint: "Set page.port in agent.yaml to a free port, or to 0 to take any.",
      subject,
      cause,
    });
  }
  return new FleetError("config_invalid", {
    message: `the device's own API cannot listen on ${subject} (${cause.code ?? cause.message})`,
    hint: "Set page.host and page.port in agent.yaml to an address of this machine and a port above 1023.",
    subject,
    cause,
  });
}

/** Open connections do not hold it up. */
async function close(server: ServerType): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if ("closeAllConnections" in server) server.closeAllConnections();
  await closed;
}
