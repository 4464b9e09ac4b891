// Notices of the fleet: what keeps devices from following the repository, the gravest first.
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { type Notice, noticeKinds } from "#hub/control/notices.ts";
import { reads, tagged } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import { NoticeSchema } from "./notice_view.ts";
import { pageInMemory } from "./page.ts";
import type { ControlSource } from "./ports.ts";
import { type ListOf, listOf, PageQuery } from "./schema.ts";

const route = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/notices",
    operationId: "listNotices",
    tags: ["Control"],
    summary:
      "Lists the fleet's notices: pauses, halts, undone rollouts and pins, the gravest first",
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: { query: PageQuery },
    responses: reads("A page of notices.", listOf("NoticeList", NoticeSchema)),
  });

export function noticeRoutes(options: {
  control: Pick<ControlSource, "all">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route(options.guards), (c) =>
    tagged<ListOf<Notice>>(c, pageInMemory(options.control.all(), keyOf, c.req.valid("query"))),
  );
  return app;
}

/** Of the pause and of the fleet's halt there is one at most. */
function keyOf({ kind, number }: Notice): [number, number] {
  return [noticeKinds.indexOf(kind), number ?? 0];
}
