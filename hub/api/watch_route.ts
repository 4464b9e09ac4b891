// The route of the watch stream.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { DeviceId } from "#shared/ids.ts";
import { parseSelector } from "#shared/selector.ts";
import { responses } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import { sendProblem } from "./problem.ts";
import type { Watch } from "./watch.ts";
import type { WatchRequest } from "./watcher.ts";

const EventId = z.coerce.number().int().nonnegative();

const WatchQuery = z.object({
  labelSelector: z.string().max(1024).default(""),
  device: DeviceId.optional(),
  afterEvent: EventId.optional().meta({
    description: "Sends the events after this id first; the header Last-Event-ID does the same.",
  }),
});
const WatchHeaders = z.object({ "last-event-id": EventId.optional() });

const description = `Server-sent events. \`ready\`: the stream is open, read your list now.
\`device\`: a DeviceSummary that changed. \`event\`: an Event, with its id, so that a client that comes
back gets what it missed. \`branch\`: a Branch. \`resync\`: so much changed that the list must be read
again. A client that falls behind is dropped.`;

const route = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/watch",
    operationId: "watch",
    tags: ["Events"],
    summary: "Streams changes as they happen",
    description,
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: { query: WatchQuery, headers: WatchHeaders },
    responses: responses({
      200: {
        description: "The stream.",
        content: { "text/event-stream": { schema: { type: "string" } } },
      },
    }),
  });

const headers = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store",
  // Asks a proxy in front not to gather the stream up.
  "X-Accel-Buffering": "no",
};

export function watchRoutes(options: { watch: Watch; guards: Guards }): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route(options.guards), (c) => {
    // Answered from the head alone: nobody would ever read or end the stream.
    if (c.req.method === "HEAD") return new Response(null, { headers });
    const query = c.req.valid("query");
    const afterEvent = c.req.valid("header")["last-event-id"] ?? query.afterEvent;
    const stream = options.watch.open(watchRequest({ ...query, afterEvent }));
    if (stream === undefined) {
      return sendProblem(c, { code: "rate_limited", detail: "this hub has too many watchers" });
    }
    return new Response(stream, { headers });
  });
  return app;
}

function watchRequest(query: {
  labelSelector: string;
  device?: DeviceId | undefined;
  afterEvent: number | undefined;
}): WatchRequest {
  const { device, afterEvent } = query;
  return {
    selector: parseSelector(query.labelSelector),
    ...(device === undefined ? {} : { device }),
    ...(afterEvent === undefined ? {} : { afterEventId: afterEvent }),
  };
}
