// Operators' view of devices: a filtered, paged list and one device in full.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { DeviceQuery, DeviceRow, Store } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { parseSelector } from "#shared/selector.ts";
import { reads, tagged } from "./answer.ts";
import { DeviceSummary, DeviceView, deviceSummary, deviceView } from "./device_view.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import type { ControlSource, DesiredSource, RunControl } from "./ports.ts";
import {
  ConnectionSchema,
  DeviceParams,
  HealthSchema,
  type ListOf,
  listOf,
  PageQuery,
  SyncSchema,
} from "./schema.ts";

export const DeviceListQuery = PageQuery.extend({
  limit: z.coerce.number().int().min(1).max(500).default(50),
  labelSelector: z
    .string()
    .max(1024)
    .default("")
    .meta({ description: "As in Kubernetes: `site in (north, south), role=player, !retired`." }),
  connection: ConnectionSchema.optional(),
  sync: SyncSchema.optional(),
  health: HealthSchema.optional(),
  sort: z.enum(["id", "lastSeen"]).default("id"),
  order: z.enum(["asc", "desc"]).default("asc"),
});
export type DeviceListQuery = z.infer<typeof DeviceListQuery>;

const listRoute = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/devices",
    operationId: "listDevices",
    tags: ["Devices"],
    summary: "Lists devices",
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: { query: DeviceListQuery },
    responses: reads("A page of devices.", listOf("DeviceList", DeviceSummary)),
  });

const itemRoute = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/devices/{id}",
    operationId: "getDevice",
    tags: ["Devices"],
    summary: "Shows one device in full",
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: { params: DeviceParams },
    responses: reads("The device.", DeviceView),
  });

export function deviceRoutes(options: {
  store: Pick<Store, "device" | "devices">;
  desired: DesiredSource;
  control: Pick<ControlSource, "on">;
  runs: Pick<RunControl, "life">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, desired, control, runs, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(listRoute(guards), async (c) => {
    const page = await store.devices(deviceQuery(c.req.valid("query")));
    return tagged<ListOf<DeviceSummary>>(c, {
      items: page.rows.map((row) => deviceSummary(row, control.on(row))),
      next: page.next,
    });
  });
  app.openapi(itemRoute(guards), async (c) => {
    const row = await knownDevice(store, c.req.valid("param").id);
    const wanted = await desired.current(row.id);
    const about = { desired: wanted, notices: control.on(row), life: runs.life(row.id) };
    return tagged<DeviceView>(c, deviceView(row, about));
  });
  return app;
}

/** @throws FleetError request_invalid when the selector is malformed */
export function deviceQuery(query: DeviceListQuery): DeviceQuery {
  const { limit, sort, order, cursor, connection, sync, health } = query;
  return {
    selector: parseSelector(query.labelSelector),
    limit,
    sort,
    order,
    ...(cursor === undefined ? {} : { cursor }),
    ...(connection === undefined ? {} : { connection }),
    ...(sync === undefined ? {} : { sync }),
    ...(health === undefined ? {} : { health }),
  };
}

/** @throws FleetError not_found */
export async function knownDevice(store: Pick<Store, "device">, id: DeviceId): Promise<DeviceRow> {
  const row = await store.device(id);
  if (row !== null) return row;
  throw new FleetError("not_found", { message: `no device "${id}" is enrolled here`, subject: id });
}
