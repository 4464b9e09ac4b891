// What operators lay over the files of one device: labels and values, each with who and why.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { DeviceEdits } from "#hub/control/overrides.ts";
import { maxLabels } from "#hub/ingest/intake.ts";
import { reservedValues } from "#hub/release/schema.ts";
import type { EditChange } from "#hub/store/pin_port.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { LabelKey, Labels, LabelValue, ValueName } from "#shared/ids.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import { knownDevice } from "./devices.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import type { ControlSource } from "./ports.ts";
import { DeviceParams, Reason, wellFormed } from "./schema.ts";

/** The fewer, the better: what should last belongs into the repository. */
const maxEdits = 64;
const few = <T extends object>(map: T): boolean => Object.keys(map).length <= maxEdits;

const FreeValueName = ValueName.refine((name) => !reservedValues.includes(name), {
  message: "is set by the hub and may not be given",
});

const OverridesRequest = component(
  "OverridesRequest",
  z.strictObject({
    labels: z
      .record(LabelKey, LabelValue.nullable())
      .refine((map) => Object.keys(map).length <= maxLabels, `at most ${maxLabels} labels`)
      .default({})
      .meta({ description: "By key; null takes a label of the files away." }),
    values: z
      .record(
        FreeValueName,
        z
          .string()
          .max(4096)
          .refine(...wellFormed),
      )
      .refine(few, `at most ${maxEdits} values`)
      .default({}),
    reset: z
      .strictObject({
        labels: z.array(LabelKey).max(maxEdits).default([]),
        values: z.array(ValueName).max(maxEdits).default([]),
      })
      .exactOptional()
      .meta({ description: "Back to what the files say." }),
    reason: Reason,
  }),
);
type OverridesRequest = z.infer<typeof OverridesRequest>;

const OverridesView = component(
  "DeviceOverrides",
  z.object({
    labels: Labels.meta({ description: "The labels that count now." }),
    overrides: DeviceEdits.meta({
      description: "Labels and values by name, each with who and why.",
    }),
  }),
);
export type OverridesView = z.infer<typeof OverridesView>;

const common = (guards: Guards) => ({
  tags: ["Control"],
  security: [{ operator: [] }],
  middleware: guards.operator,
  path: "/v1/devices/{id}/overrides",
});

const readRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    operationId: "getDeviceOverrides",
    summary: "Shows what lies over the device's files",
    request: { params: DeviceParams },
    responses: reads("The overrides.", OverridesView),
  });

const changeRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "patch",
    operationId: "changeDeviceOverrides",
    summary: "Lays labels and values over the device's files, or gives them back",
    request: {
      params: DeviceParams,
      body: { required: true, content: { "application/json": { schema: OverridesRequest } } },
    },
    responses: responses({ 200: json("The overrides as they are now.", OverridesView) }),
  });

const removeRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "delete",
    operationId: "removeDeviceOverrides",
    summary: "Gives the device back to its files",
    request: { params: DeviceParams, query: z.object({ reason: Reason }) },
    responses: responses({ 200: json("The overrides as they are now: none.", OverridesView) }),
  });

export function overrideRoutes(options: {
  store: Pick<Store, "device">;
  control: ControlSource;
  clock: Clock;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, control, clock, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(readRoute(guards), async (c) => {
    const { labels, edits } = await knownDevice(store, c.req.valid("param").id);
    return tagged<OverridesView>(c, { labels, overrides: edits });
  });
  app.openapi(changeRoute(guards), async (c) => {
    const body = c.req.valid("json");
    const by = { operator: principalName(c.get("principal")), reason: body.reason };
    const change = changeOf(body, { ...by, at: clock.now() });
    const { labels, edits } = await control.edit(c.req.valid("param").id, change, by);
    return done<OverridesView>({ labels, overrides: edits });
  });
  app.openapi(removeRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    const by = { operator: principalName(c.get("principal")), ...c.req.valid("query") };
    const known = (await knownDevice(store, id)).edits;
    const change = { labels: nulls(known.labels), values: nulls(known.values) };
    const { labels, edits } = await control.edit(id, change, by);
    return done<OverridesView>({ labels, overrides: edits });
  });
  return app;
}

interface Stamp {
  operator: string;
  reason: string;
  at: number;
}

function changeOf({ labels, values, reset }: OverridesRequest, stamp: Stamp): EditChange {
  return {
    labels: { ...stamped(labels, stamp), ...nullsOf(reset?.labels ?? []) },
    values: { ...stamped(values, stamp), ...nullsOf(reset?.values ?? []) },
  };
}

function stamped<T>(map: Record<string, T>, stamp: Stamp): Record<string, { value: T } & Stamp> {
  const entries = Object.entries(map).map(([key, value]) => [key, { value, ...stamp }] as const);
  return Object.fromEntries(entries);
}

function nulls(map: object): Record<string, null> {
  return nullsOf(Object.keys(map));
}

function nullsOf(keys: readonly string[]): Record<string, null> {
  return Object.fromEntries(keys.map((key) => [key, null]));
}
