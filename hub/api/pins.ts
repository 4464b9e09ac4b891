// Pins: releases that devices keep by an operator's word, with the undone rollouts that do the same.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Undone } from "#hub/control/notices.ts";
import type { Pin } from "#hub/control/overrides.ts";
import { entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import type { Store } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import { AppName, CommitId, DeviceId, Digest, RoleName } from "#shared/ids.ts";
import { matches, parseSelector, type Selector } from "#shared/selector.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import { pageInMemory } from "./page.ts";
import type { ControlSource, FleetSource } from "./ports.ts";
import { type ListOf, listOf, PageQuery, Reason, UnixMs } from "./schema.ts";

const PinRequest = component(
  "PinRequest",
  z
    .strictObject({
      deployment: AppName.exactOptional().meta({
        description: "May be left out where `device` has only one.",
      }),
      device: DeviceId.exactOptional().meta({ description: "Only this device." }),
      labelSelector: z.string().trim().min(1).max(1024).exactOptional().meta({
        description: "Only devices of the deployment with these labels, now and later.",
      }),
      to: z
        .string()
        .regex(
          /^[0-9a-f]{7,64}$/,
          "must be a commit or a release's digest, or its first 7 to 64 digits",
        )
        .meta({ description: "A commit or a release's digest, or the beginning of one." }),
      reason: Reason,
      until: UnixMs.exactOptional(),
    })
    .refine(({ device, labelSelector }) => device === undefined || labelSelector === undefined, {
      message: "give device or labelSelector, not both",
      path: ["labelSelector"],
    }),
);

const PinView = component(
  "Pin",
  z.object({
    id: z.string().meta({ description: "A number, or `undo-` and the number of a rollout." }),
    kind: z.enum(["pin", "undo"]).meta({
      description: "`undo`: an undone rollout; it ends by itself when Git no longer asks for it.",
    }),
    deployment: AppName,
    device: DeviceId.nullable(),
    labelSelector: z.string().nullable(),
    branch: z.string(),
    commit: CommitId.meta({ description: "Release and values are as this commit has them." }),
    role: RoleName,
    digest: Digest,
    operator: z.string(),
    reason: z.string(),
    at: UnixMs,
    until: UnixMs.nullable(),
    devices: z.int().meta({ description: "Devices that it selects now." }),
  }),
);
export type PinView = z.infer<typeof PinView>;

const PinParams = z.object({ id: z.string().regex(/^(undo-)?[1-9][0-9]{0,14}$/) });
const PinListQuery = PageQuery.extend({
  deployment: AppName.optional(),
  device: DeviceId.optional(),
});
const UnpinQuery = z.object({ reason: Reason });

const common = (guards: Guards) => ({
  tags: ["Control"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const listRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/pins",
    operationId: "listPins",
    summary: "Lists undone rollouts and then pins, the oldest first",
    request: { query: PinListQuery },
    responses: reads("A page of pins.", listOf("PinList", PinView)),
  });

const pinRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/pins",
    operationId: "addPin",
    summary: "Pins a deployment, or some of its devices, to a release",
    request: { body: { required: true, content: { "application/json": { schema: PinRequest } } } },
    responses: responses({ 201: json("The pin; its devices are told already.", PinView) }),
  });

const unpinRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "delete",
    path: "/v1/pins/{id}",
    operationId: "removePin",
    summary: "Removes a pin; its devices follow their deployment again",
    request: { params: PinParams, query: UnpinQuery },
    responses: responses({ 204: { description: "It is gone." } }),
  });

export function pinRoutes(options: {
  control: ControlSource;
  store: Pick<Store, "counts" | "device">;
  fleet: FleetSource;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { control, store, fleet, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  const counted = async (pin: Uncounted): Promise<PinView> => {
    const of = selectorOf(pin, fleet.snapshot());
    return { ...pin, devices: of === undefined ? 0 : await countOf(store, pin, of) };
  };
  app.openapi(listRoute(guards), async (c) => {
    const { deployment, device, ...query } = c.req.valid("query");
    const all = [...control.undone().map(undoneView), ...control.pins().map(pinView)];
    const wanted = all
      .filter((one) => deployment === undefined || one.deployment === deployment)
      .filter((one) => device === undefined || one.device === device);
    const { items, next } = pageInMemory(wanted, keyOf, query);
    return tagged<ListOf<PinView>>(c, { items: await Promise.all(items.map(counted)), next });
  });
  app.openapi(pinRoute(guards), async (c) => {
    const operator = principalName(c.get("principal"));
    const pin = await control.pin({ ...c.req.valid("json"), operator });
    return done<PinView>(await counted(pinView(pin)), 201);
  });
  app.openapi(unpinRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    if (id.startsWith(undoPrefix)) throw notUnpinned(id);
    const { reason } = c.req.valid("query");
    await control.unpin(Number(id), { operator: principalName(c.get("principal")), reason });
    return c.body(null, 204);
  });
  return app;
}

type Uncounted = Omit<PinView, "devices">;

const undoPrefix = "undo-";

function keyOf({ kind, id }: Uncounted): [number, number] {
  return kind === "undo" ? [0, Number(id.slice(undoPrefix.length))] : [1, Number(id)];
}

/** Undefined where the deployment is gone: then nothing is pinned by it. */
function selectorOf(pin: Uncounted, fleet: FleetSnapshot | undefined): Selector | undefined {
  const main = fleet === undefined ? undefined : entryOf(fleet.branches, fleet.defaultBranch);
  const found = main?.deployments.find(({ name }) => name === pin.deployment);
  return found && [...found.selector, ...parseSelector(pin.labelSelector ?? "")];
}

async function countOf(
  store: Pick<Store, "counts" | "device">,
  { device }: Uncounted,
  selector: Selector,
): Promise<number> {
  if (device === null) return (await store.counts(selector)).devices;
  const row = await store.device(device);
  return row !== null && matches(selector, row.labels) ? 1 : 0;
}

function pinView(pin: Pin): Uncounted {
  const { device = null, labelSelector = null, until = null, ...rest } = pin;
  return { ...rest, id: String(pin.id), kind: "pin", device, labelSelector, until };
}

function undoneView({ rollout, undone: _, ...rest }: Undone): Uncounted {
  const whole = { device: null, labelSelector: null, until: null };
  return { ...rest, ...whole, id: `${undoPrefix}${rollout}`, kind: "undo" };
}

function notUnpinned(id: string): FleetError {
  const rollout = id.slice(undoPrefix.length);
  return new FleetError("state_conflict", {
    message: `${id} is the undone rollout ${rollout} and ends when Git no longer asks for its release`,
    hint: `Commit something else, or resume it: fleet rollout resume ${rollout}.`,
    subject: id,
  });
}
