// The API's reading part: liveness, status, events, updates, metrics, logs, and its own description.
import { Hono } from "hono";
import type { Gate } from "./gate.ts";
import type { LastLines } from "./logs.ts";
import type { AgentMetrics } from "./metrics.ts";
import { openApi } from "./openapi.ts";
import type { Pages } from "./pages.ts";
import type { Liveness, LocalStatus } from "./status.ts";

interface Parts {
  gate: Gate;
  refuse: Pages["refuse"];
  status: () => LocalStatus;
  liveness: () => Liveness;
  metrics: Pick<AgentMetrics, "render" | "contentType">;
  lastLines: LastLines;
}

export function readingRoutes(parts: Parts): Hono {
  const { gate, refuse, status, liveness, metrics, lastLines } = parts;
  const routes = new Hono();
  routes.get("/healthz", (c) => {
    const now = liveness();
    return c.json(now, now.alive ? 200 : 503);
  });
  routes.get("/metrics", async (c) =>
    c.text(await metrics.render(), 200, { "content-type": metrics.contentType }),
  );
  routes.get("/v1/status", (c) => c.json({ ...status(), loop: liveness() }));
  routes.get("/v1/events", (c) => c.json({ items: status().events ?? [] }));
  routes.get("/v1/updates", (c) => c.json({ items: status().updates }));
  routes.get("/v1/openapi.json", (c) => c.json(openApi));
  // Log lines hold whatever an app wrote: nobody has promised that it is public.
  routes.get("/v1/logs", async (c): Promise<Response> => {
    const problem = gate.refusal(c);
    if (problem !== undefined) return refuse(c, problem);
    return c.json({ lines: await lastLines(c.req.query()) });
  });
  return routes;
}
