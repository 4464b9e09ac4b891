// Devices from an inventory file, and the phase that each device is in.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { readInventory } from "#hub/run/inventory.ts";
import { isOver } from "#hub/run/model.ts";
import { type Lifecycle, Phase } from "#hub/run/phase.ts";
import { unknownDevice } from "#hub/run/words.ts";
import type { DeviceId } from "#shared/ids.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import { pageInMemory } from "./page.ts";
import type { RunControl } from "./ports.ts";
import { PhaseView, phaseView } from "./run_view.ts";
import { DeviceParams, type ListOf, listOf, PageQuery, Reason } from "./schema.ts";

const PhaseRequest = component(
  "PhaseRequest",
  z.strictObject({
    phase: z.enum(["READY", "MAINTENANCE"]).meta({
      description: "READY: whatever needed intervention is mended. MAINTENANCE: out of service.",
    }),
    reason: Reason,
  }),
);

const InventoryText = z.string().min(1).meta({ description: "The file as it is." });

const common = (guards: Guards) => ({
  tags: ["Runs"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const PhaseList = listOf("DevicePhaseList", PhaseView);

const importRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/devices/import",
    operationId: "importDevices",
    summary: "Makes devices known from an inventory file, before they are enrolled",
    description: `CSV with a header (\`id\`, \`serial\`, \`mac\`, \`model\`, \`note\`, \`labels.KEY\`), or YAML or JSON with
\`apiVersion: metrica.fleet/v1\`, \`kind: Inventory\` and \`devices\`. All of it or nothing; a fault is named by line
and field. A device that is known gets the labels and facts of the file and keeps its phase.`,
    request: {
      query: z.object({
        file: z.string().max(200).default("inventory").meta({ description: "As faults name it." }),
        dryRun: z.enum(["true", "false"]).default("false"),
      }),
      body: {
        required: true,
        content: {
          "text/csv": { schema: InventoryText },
          "application/yaml": { schema: InventoryText },
        },
      },
    },
    responses: responses({ 200: json("The devices of the file, as they are now.", PhaseList) }),
  });

const listRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/phases",
    operationId: "listPhases",
    summary: "Lists devices, imported ones too, with the phase of their life",
    request: { query: PageQuery.extend({ phase: Phase.optional() }) },
    responses: reads("A page of phases.", PhaseList),
  });

const itemRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/devices/{id}/phase",
    operationId: "getPhase",
    summary: "Shows the phase of a device's life, with its conditions",
    request: { params: DeviceParams },
    responses: reads("The phase.", PhaseView),
  });

const placeRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "put",
    path: "/v1/devices/{id}/phase",
    operationId: "setPhase",
    summary: "Takes a device out of service by hand, or lets it return",
    request: {
      params: DeviceParams,
      body: { required: true, content: { "application/json": { schema: PhaseRequest } } },
    },
    responses: responses({ 200: json("The phase as it is now.", PhaseView) }),
  });

export function importRoutes(options: { runs: RunControl; guards: Guards }): OpenAPIHono<ApiEnv> {
  const { runs, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  const viewOf = (life: Lifecycle): PhaseView => {
    const open = runs.openOf(life.device);
    return phaseView(life, open === undefined || isOver(open.head) ? null : open.id);
  };
  app.openapi(importRoute(guards), async (c) => {
    const { file, dryRun } = c.req.valid("query");
    const format = c.req.header("content-type")?.includes("csv") === true ? "csv" : "yaml";
    const records = readInventory(await c.req.text(), { file, format });
    const operator = principalName(c.get("principal"));
    const lives = await runs.importDevices(records, operator, dryRun === "true");
    return done<ListOf<PhaseView>>({ items: lives.map(viewOf), next: null });
  });
  app.openapi(listRoute(guards), (c) => {
    const { phase, ...query } = c.req.valid("query");
    const all = runs.lives().filter((life) => phase === undefined || life.phase === phase);
    const { items, next } = pageInMemory(all, ({ device }) => [0, device], query);
    return tagged<ListOf<PhaseView>>(c, { items: items.map(viewOf), next });
  });
  app.openapi(itemRoute(guards), (c) =>
    tagged<PhaseView>(c, viewOf(knownLife(runs, c.req.valid("param").id))),
  );
  app.openapi(placeRoute(guards), async (c) => {
    const { phase, reason } = c.req.valid("json");
    const operator = principalName(c.get("principal"));
    const life = await runs.place(c.req.valid("param").id, phase, { operator, reason });
    return done<PhaseView>(viewOf(life));
  });
  return app;
}

/** @throws FleetError not_found */
function knownLife(runs: Pick<RunControl, "life">, device: DeviceId): Lifecycle {
  const life = runs.life(device);
  if (life === undefined) throw unknownDevice(device);
  return life;
}
