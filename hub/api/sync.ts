// Forced looks: of one device, of those with labels or of a deployment, or of the whole fleet.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { ForcedSync, SyncOutcome } from "#hub/control/sync.ts";
import type { Store } from "#hub/store/port.ts";
import { AppName } from "#shared/ids.ts";
import { done, json, responses } from "./answer.ts";
import { component } from "./component.ts";
import { knownDevice } from "./devices.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import { DeviceParams } from "./schema.ts";

const SyncRequest = component(
  "SyncRequest",
  z.strictObject({
    deployment: AppName.exactOptional(),
    labelSelector: z.string().trim().min(1).max(1024).exactOptional().meta({
      description: "As in Kubernetes, e.g. `site=north`. All that is given must hold.",
    }),
  }),
);

const SyncView = component(
  "SyncOutcome",
  z.object({
    fetched: z.boolean().meta({ description: "Whether the repository was fetched just now." }),
    problem: z.string().nullable().meta({ description: "Why it was not, or is not taken in." }),
    devices: z.int().meta({ description: "Devices that were looked at." }),
    asked: z.int().meta({
      description:
        "Of these, the connected ones: they look and report now. Others do as they come.",
    }),
  }),
);

const common = (guards: Guards) => ({
  method: "post" as const,
  tags: ["Control"],
  security: [{ operator: [] }],
  middleware: guards.operator,
  responses: responses({ 200: json("What came of it.", SyncView) }),
});

const deviceRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/devices/{id}/sync",
    operationId: "syncDevice",
    summary: "Fetches the repository, computes the device anew, and has it look and report now",
    request: { params: DeviceParams },
  });

const fleetRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/sync",
    operationId: "syncDevices",
    summary: "The same for a deployment, for devices with labels, or for all",
    request: {
      body: { required: true, content: { "application/json": { schema: SyncRequest } } },
    },
  });

export function syncRoutes(options: {
  store: Pick<Store, "device">;
  forced: ForcedSync;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, forced, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(deviceRoute(guards), async (c) => {
    const { id } = await knownDevice(store, c.req.valid("param").id);
    const operator = principalName(c.get("principal"));
    return done<SyncOutcome>(await forced.sync({ device: id }, operator));
  });
  app.openapi(fleetRoute(guards), async (c) => {
    const operator = principalName(c.get("principal"));
    return done<SyncOutcome>(await forced.sync(c.req.valid("json"), operator));
  });
  return app;
}
