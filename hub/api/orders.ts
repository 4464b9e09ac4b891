// What an operator orders of one device by hand: its mode, and to try again what failed.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Bus } from "#hub/bus.ts";
import { createAnnouncer } from "#hub/release/announce.ts";
import type { DeviceChange, DeviceRow, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { DesiredMode } from "#shared/desired.ts";
import { done, json, responses } from "./answer.ts";
import { component } from "./component.ts";
import { knownDevice } from "./devices.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import { DeviceParams, Reason } from "./schema.ts";

const ModeRequest = component(
  "ModeRequest",
  z.strictObject({
    mode: DesiredMode.meta({
      description:
        "`run`: follow the repository. `hold`: begin nothing new. `safe`: safe mode, until another order.",
    }),
    reason: Reason.meta({ description: "Why, in words that others will read." }),
  }),
);

const RetryRequest = component("RetryRequest", z.strictObject({ reason: Reason }));

const OrderView = component(
  "DeviceOrder",
  z.object({
    mode: DesiredMode,
    modeReason: z.string().nullable(),
    retry: z.int().meta({ description: "How often the device was asked to try again." }),
  }),
);
export type OrderView = z.infer<typeof OrderView>;

const common = (guards: Guards) => ({
  tags: ["Devices"],
  security: [{ operator: [] }],
  middleware: guards.operator,
  responses: responses({ 202: json("The order; the device gets it as it connects.", OrderView) }),
});

const modeRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "put",
    path: "/v1/devices/{id}/mode",
    operationId: "setDeviceMode",
    summary: "Sets a device's mode",
    request: {
      params: DeviceParams,
      body: { required: true, content: { "application/json": { schema: ModeRequest } } },
    },
  });

const retryRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/devices/{id}/retry",
    operationId: "retryDevice",
    summary: "Lets a device leave safe mode and try again the releases that failed on it",
    request: {
      params: DeviceParams,
      body: { required: true, content: { "application/json": { schema: RetryRequest } } },
    },
  });

export function orderRoutes(options: {
  store: Pick<Store, "device" | "changeDevices" | "addEvents">;
  bus: Bus;
  clock: Clock;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, bus, clock, guards } = options;
  const announce = createAnnouncer(options);
  const app = new OpenAPIHono<ApiEnv>();

  const order = async (
    row: DeviceRow,
    change: Omit<DeviceChange, "id">,
    [reason, message]: [reason: string, message: string],
  ): Promise<Response> => {
    await store.changeDevices([{ id: row.id, ...change }]);
    await announce({ type: "Normal", reason, message, device: row.id });
    bus.emit("membership", row.id);
    return done<OrderView>(orderOf({ ...row, ...change }), 202);
  };

  app.openapi(modeRoute(guards), async (c) => {
    const row = await knownDevice(store, c.req.valid("param").id);
    const { mode, reason } = c.req.valid("json");
    if (mode === row.mode && reason === row.modeReason) return done<OrderView>(orderOf(row), 202);
    const words = `${principalName(c.get("principal"))} set the mode to ${mode}: ${reason}`;
    const modeReason = mode === "run" ? "" : reason;
    const modeOperator = principalName(c.get("principal"));
    const by = { modeOperator, modeAt: clock.now() };
    return order(row, { mode, modeReason, ...by }, ["ModeOrdered", words]);
  });
  app.openapi(retryRoute(guards), async (c) => {
    const row = await knownDevice(store, c.req.valid("param").id);
    const words = `${principalName(c.get("principal"))} asked to try again: ${c.req.valid("json").reason}`;
    return order(row, { retry: row.retry + 1 }, ["RetryOrdered", words]);
  });
  return app;
}

function orderOf({ mode, modeReason, retry }: OrderFields): OrderView {
  return { mode, modeReason: modeReason === "" ? null : modeReason, retry };
}

type OrderFields = Pick<DeviceRow, "mode" | "retry"> & { modeReason: string | null };
