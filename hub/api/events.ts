// The fleet's events, newest first.
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Store } from "#hub/store/port.ts";
import { reads, tagged } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import { EventListQuery, EventView, eventQuery } from "./event_view.ts";
import type { Guards } from "./guards.ts";
import { type ListOf, listOf } from "./schema.ts";

export const EventList = listOf("EventList", EventView);

const listRoute = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/events",
    operationId: "listEvents",
    tags: ["Events"],
    summary: "Lists the fleet's events, newest first",
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: { query: EventListQuery },
    responses: reads("A page of events.", EventList),
  });

export function eventRoutes(options: {
  store: Pick<Store, "events">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(listRoute(guards), async (c) => {
    const page = await store.events(eventQuery(c.req.valid("query")));
    return tagged<ListOf<EventView>>(c, { items: page.rows, next: page.next });
  });
  return app;
}
