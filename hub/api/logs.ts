// The live logs of one device: its services, its agent, its own events.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { LiveLogs, LogReader, LogRequest } from "#hub/logs/port.ts";
import { FleetError } from "#shared/errors.ts";
import { AppName } from "#shared/ids.ts";
import { type LogSource, maxTailLines } from "#shared/stream.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import { logDescription, logResponse, logResponses } from "./log_stream.ts";
import { DeviceParams } from "./schema.ts";

const Flag = z.enum(["true", "false"]).transform((text) => text === "true");

export const LogQuery = z.object({
  source: z.enum(["service", "agent", "events"]).default("service").meta({
    description:
      "`service`: what services print. `agent`: the agent's own log. `events`: what the device has recorded.",
  }),
  app: AppName.optional().meta({ description: "Absent: the services of all apps." }),
  service: z.string().min(1).max(255).optional().meta({ description: "One service of the app." }),
  follow: Flag.default(false).meta({ description: "Goes on with what is said from now on." }),
  since: z.coerce.number().int().nonnegative().optional().meta({
    description: "Unix ms: nothing older.",
  }),
  tail: z.coerce.number().int().min(0).max(maxTailLines).default(100).meta({
    description: "Lines from before, at most.",
  }),
});
export type LogQuery = z.infer<typeof LogQuery>;

const description = `${logDescription}

The lines come from the device itself over its own connection. A device without a connection gives a problem
that says since when. Who does not read slows the device's reader down and loses nothing; readers of the same
log share one stream. A stream ends after an hour, and seconds after its last reader.`;

const route = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/devices/{id}/logs",
    operationId: "readDeviceLogs",
    tags: ["Devices"],
    summary: "Reads or follows what a device's services, its agent or its events say",
    description,
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: { params: DeviceParams, query: LogQuery },
    responses: logResponses,
  });

export function logRoutes(options: { logs: LiveLogs; guards: Guards }): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route(options.guards), async (c) => {
    const request = logRequest(c.req.valid("query"));
    const { id } = c.req.valid("param");
    // Answered from the head alone: nobody would ever read or end the stream.
    if (c.req.method === "HEAD") return new Response(null);
    return logResponse(c, await openFor(c.req.raw.signal, () => options.logs.open(id, request)));
  });
  return app;
}

/** A client that went away while the device was asked must not leave a reader behind. */
async function openFor(gone: AbortSignal, open: () => Promise<LogReader>): Promise<LogReader> {
  const reader = await open();
  if (gone.aborted) reader.close();
  return reader;
}

/** @throws FleetError request_invalid */
export function logRequest({ source, app, service, follow, since, tail }: LogQuery): LogRequest {
  return {
    source: sourceOf(source, app, service),
    follow,
    tail,
    ...(since === undefined ? {} : { sinceMs: since }),
  };
}

function sourceOf(
  kind: LogQuery["source"],
  app: AppName | undefined,
  service: string | undefined,
): LogSource {
  const isNamed = app !== undefined || service !== undefined;
  if ((kind !== "service" && isNamed) || (service !== undefined && app === undefined)) {
    throw new FleetError("request_invalid", {
      message: "app and service choose among services, and a service needs its app",
      hint: "Name the app as well, or leave both out.",
    });
  }
  if (kind !== "service") return { kind };
  return {
    kind,
    ...(app === undefined ? {} : { app }),
    ...(service === undefined ? {} : { service }),
  };
}
