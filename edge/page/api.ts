// The device's own HTTP API: liveness, status, metrics and a short page.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createAdaptorServer, type ServerType } from "@hono/node-server";
import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { AgentMetrics } from "./metrics.ts";
import { type Liveness, type LocalStatus, type LoopPulse, livenessOf } from "./status.ts";
import { renderSummary, styleSheet } from "./summary.ts";

export interface LocalApiOptions {
  /** `page` of agent.yaml; port 0 takes a free one. */
  page: { host: string; port: number };
  status: () => LocalStatus;
  pulse: () => LoopPulse;
  metrics: Pick<AgentMetrics, "render" | "contentType">;
  clock: Pick<Clock, "monotonicMs">;
  /** Told of a request that failed for a fault of ours. */
  onError?: (error: FleetError) => void;
}

export interface LocalApi {
  /** @throws FleetError port_taken, config_invalid when the address is not this machine's */
  start(): Promise<{ host: string; port: number }>;
  stop(): Promise<void>;
}

const refreshSeconds = 5;

/** It reads and changes nothing, and shows no secret: values and environments are not in the status. */
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

function createRoutes({ status, pulse, metrics, clock, onError }: LocalApiOptions): Hono {
  const routes = new Hono();
  const liveness = (): Liveness => livenessOf(pulse(), clock.monotonicMs());
  routes.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      // A device speaks plain HTTP, and must not teach browsers otherwise for its host name.
      strictTransportSecurity: false,
      xFrameOptions: "DENY",
    }),
  );
  routes.use(async (context, next) => {
    await next();
    context.header("cache-control", "no-store");
  });
  routes.get("/healthz", (context) => {
    const now = liveness();
    return context.json(now, now.alive ? 200 : 503);
  });
  routes.get("/v1/status", (context) => context.json({ ...status(), loop: liveness() }));
  routes.get("/metrics", async (context) =>
    context.text(await metrics.render(), 200, { "content-type": metrics.contentType }),
  );
  routes.get("/", (context) => context.html(renderSummary(status(), liveness(), refreshSeconds)));
  routes.get("/style.css", (context) =>
    context.body(styleSheet, 200, { "content-type": "text/css; charset=utf-8" }),
  );
  routes.notFound((context) => problem(404, "not_found", `there is no ${context.req.path} here`));
  routes.onError((thrown) => {
    const error = asFleetError(thrown);
    onError?.(error);
    return problem(500, error.code, error.message);
  });
  return routes;
}

/** @see RFC 9457 */
function problem(status: number, code: string, detail: string): Response {
  return Response.json(
    { title: code, status, code, detail },
    { status, headers: { "content-type": "application/problem+json" } },
  );
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
