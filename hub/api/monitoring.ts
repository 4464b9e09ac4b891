// What monitoring asks: health of the hub, its metrics, and where the devices can be scraped.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { DeviceQuery, DeviceRow, Store } from "#hub/store/port.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import type { MetricsSource } from "./ports.ts";

/** Prometheus' http_sd format. @see https://prometheus.io/docs/prometheus/latest/http_sd/ */
const TargetGroups = component(
  "PrometheusTargets",
  z.array(z.object({ targets: z.array(z.string()), labels: z.record(z.string(), z.string()) })),
);
type TargetGroups = z.infer<typeof TargetGroups>;

const Ok = component("Ok", z.object({ status: z.literal("ok") }));

const common = { method: "get" as const, tags: ["Monitoring"] };
const kept = (guards: Guards) => ({
  ...common,
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const aliveRoute = createRoute({
  ...common,
  path: "/healthz",
  operationId: "isAlive",
  summary: "Answers while the process does",
  responses: responses({ 200: json("Alive.", Ok) }),
});

const readyRoute = createRoute({
  ...common,
  path: "/readyz",
  operationId: "isReady",
  summary: "Answers once the store does",
  responses: responses({ 200: json("Ready.", Ok) }),
});

const metricsRoute = (guards: Guards) =>
  createRoute({
    ...kept(guards),
    path: "/metrics",
    operationId: "getMetrics",
    summary: "Gives the hub's and the fleet's metrics",
    responses: responses({
      200: {
        description: "Prometheus' text format.",
        content: { "text/plain": { schema: { type: "string" } } },
      },
    }),
  });

const targetsRoute = (guards: Guards) =>
  createRoute({
    ...kept(guards),
    path: "/v1/prometheus/targets",
    operationId: "listPrometheusTargets",
    summary: "Lists the devices that can be scraped, for http_sd",
    responses: reads("All targets.", TargetGroups),
  });

export function monitoringRoutes(options: {
  store: Pick<Store, "devices" | "ping">;
  metrics: MetricsSource;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, metrics, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(aliveRoute, () => done({ status: "ok" }));
  app.openapi(readyRoute, async () => {
    await store.ping();
    return done({ status: "ok" });
  });
  app.openapi(metricsRoute(guards), async () => {
    const headers = { "Content-Type": metrics.contentType, "Cache-Control": "no-store" };
    return new Response(await metrics.render(), { headers });
  });
  app.openapi(targetsRoute(guards), async (c) => {
    const groups: TargetGroups = [];
    for await (const row of allDevices(store)) groups.push(...targetOf(row));
    return tagged<TargetGroups>(c, groups);
  });
  return app;
}

/** Page by page: the store never holds the whole fleet's rows for one request. */
async function* allDevices(store: Pick<Store, "devices">): AsyncGenerator<DeviceRow> {
  let cursor: string | null = null;
  do {
    const from: { cursor?: string } = cursor === null ? {} : { cursor };
    const query: DeviceQuery = { selector: [], sort: "id", order: "asc", limit: 500, ...from };
    const page = await store.devices(query);
    yield* page.rows;
    cursor = page.next;
  } while (cursor !== null);
}

function targetOf({ id, labels, reported }: DeviceRow): TargetGroups {
  const address = reported?.host.metricsAddress;
  if (address === undefined) return [];
  const site = labels["site"];
  return [{ targets: [address], labels: { device: id, ...(site === undefined ? {} : { site }) } }];
}
