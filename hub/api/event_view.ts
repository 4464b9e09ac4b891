// Events as the API lists and streams them.
import { z } from "@hono/zod-openapi";
import type { EventQuery } from "#hub/store/port.ts";
import { DeviceId } from "#shared/ids.ts";
import { component } from "./component.ts";
import { PageQuery, UnixMs } from "./schema.ts";

const EventType = z.enum(["Normal", "Warning"]);

export const EventView = component(
  "Event",
  z.object({
    id: z.int().meta({ description: "Rising; also the id on the watch stream." }),
    at: UnixMs,
    device: DeviceId.nullable().meta({ description: "Null for an event of the hub itself." }),
    app: z.string().nullable(),
    source: z.enum(["hub", "device"]),
    type: EventType,
    reason: z.string().meta({ description: "One CamelCase word, for programs." }),
    message: z.string(),
  }),
);
export type EventView = z.infer<typeof EventView>;

export const DeviceEventQuery = PageQuery.extend({
  type: EventType.optional(),
  reason: z.string().max(64).optional(),
});
export const EventListQuery = DeviceEventQuery.extend({ device: DeviceId.optional() });

export function eventQuery(query: z.infer<typeof EventListQuery>): EventQuery {
  const { limit, cursor, device, type, reason } = query;
  return {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
    ...(device === undefined ? {} : { device }),
    ...(type === undefined ? {} : { type }),
    ...(reason === undefined ? {} : { reason }),
  };
}
