// Rollouts: how they stand, their devices, what people order of them, and the halt of the whole fleet.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { type OrderName, orders } from "#hub/rollout/advance/order.ts";
import type { Store } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import { AppName } from "#shared/ids.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import type { RolloutControl } from "./ports.ts";
import {
  type RolloutDevice,
  RolloutDeviceList,
  RolloutList,
  RolloutStateSchema,
  type RolloutSummary,
  RolloutView,
  rolloutDevice,
  rolloutSummary,
  rolloutView,
} from "./rollout_view.ts";
import { type ListOf, PageQuery, Reason, UnixMs } from "./schema.ts";

const RolloutParams = z.object({ id: z.coerce.number().int().positive() });

const OrderRequest = component(
  "RolloutOrder",
  z.strictObject({
    reason: Reason,
    heal: z.boolean().default(false).meta({
      description:
        "With `halt`: devices that have the release return to the last one that was promoted with them.",
    }),
    step: z.int().positive().exactOptional().meta({
      description:
        "With `approve`: the step that was looked at, from 1; refused with 409 when the rollout is at another by now. Absent: whichever waits.",
    }),
  }),
);
const HaltRequest = component("FleetHaltRequest", z.strictObject({ reason: Reason }));
const HaltView = component(
  "FleetHalt",
  z.object({
    halted: z.boolean(),
    operator: z.string().nullable(),
    reason: z.string().nullable(),
    at: UnixMs.nullable(),
  }),
);
export type HaltView = z.infer<typeof HaltView>;

const summaries: Readonly<Record<OrderName, string>> = {
  pause: "Releases nothing more until it is resumed; devices under way go on",
  halt: "Stops a rollout and quarantines its release",
  resume: "Goes on after a pause, or begins again after a halt or an undo",
  promote: "Releases to all devices that remain, without gates, windows, budget and approvals",
  undo: "Brings the last promoted release back and keeps it until Git says otherwise",
  approve: "Lets the step begin that waits for approval, unless another one was looked at",
};

const common = (guards: Guards) => ({
  tags: ["Rollouts"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const listRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/rollouts",
    operationId: "listRollouts",
    summary: "Lists rollouts, newest first",
    request: {
      query: PageQuery.extend({
        deployment: AppName.optional(),
        state: RolloutStateSchema.optional(),
      }),
    },
    responses: reads("A page of rollouts.", RolloutList),
  });

const itemRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/rollouts/{id}",
    operationId: "getRollout",
    summary: "Shows a rollout: its steps, how many devices are where, and what it waits for",
    request: { params: RolloutParams },
    responses: reads("The rollout.", RolloutView),
  });

const devicesRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/rollouts/{id}/devices",
    operationId: "listRolloutDevices",
    summary: "Lists the devices of a rollout in the order of their release",
    request: { params: RolloutParams, query: PageQuery },
    responses: reads("A page of devices.", RolloutDeviceList),
  });

const orderRoute = (guards: Guards, name: OrderName) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: `/v1/rollouts/{id}/${name}`,
    operationId: `${name}Rollout`,
    summary: summaries[name],
    request: {
      params: RolloutParams,
      body: { required: true, content: { "application/json": { schema: OrderRequest } } },
    },
    responses: responses({ 200: json("The rollout as it is now.", RolloutView) }),
  });

const haltRoute = (guards: Guards, act: "halt" | "resume") =>
  createRoute({
    ...common(guards),
    method: "post",
    path: `/v1/fleet/${act}`,
    operationId: `${act}Fleet`,
    summary:
      act === "halt"
        ? "Halts the whole fleet: nothing is released and no commit is taken up"
        : "Lifts the halt of the fleet",
    request: { body: { required: true, content: { "application/json": { schema: HaltRequest } } } },
    responses: responses({ 200: json("The halt as it is now.", HaltView) }),
  });

const haltStateRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/fleet/halt",
    operationId: "getFleetHalt",
    summary: "Says whether the fleet is halted, by whom and why",
    responses: reads("The halt.", HaltView),
  });

export function rolloutRoutes(options: {
  store: Pick<Store, "rollout" | "rollouts" | "rolloutMembers" | "rolloutDevices">;
  rollouts: RolloutControl;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, rollouts, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  const viewOf = async (id: number): Promise<RolloutView> => {
    const row = await store.rollout(id);
    if (row === null) throw noRollout(id);
    return rolloutView(row, await store.rolloutMembers(id), rollouts.waitsFor(id));
  };
  app.openapi(listRoute(guards), async (c) => {
    const { limit, cursor, deployment, state } = c.req.valid("query");
    const page = await store.rollouts({
      limit,
      ...(cursor === undefined ? {} : { cursor }),
      ...(deployment === undefined ? {} : { deployment }),
      ...(state === undefined ? {} : { state }),
    });
    const items = page.rows.map(rolloutSummary);
    return tagged<ListOf<RolloutSummary>>(c, { items, next: page.next });
  });
  app.openapi(itemRoute(guards), async (c) =>
    tagged<RolloutView>(c, await viewOf(c.req.valid("param").id)),
  );
  app.openapi(devicesRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    if ((await store.rollout(id)) === null) throw noRollout(id);
    const { limit, cursor } = c.req.valid("query");
    const from = cursor === undefined ? {} : { cursor };
    const page = await store.rolloutDevices({ rollout: id, limit, ...from });
    const items = page.rows.map(rolloutDevice);
    return tagged<ListOf<RolloutDevice>>(c, { items, next: page.next });
  });
  for (const name of orders) {
    app.openapi(orderRoute(guards, name), async (c) => {
      const { id } = c.req.valid("param");
      const { reason, heal: heals, step } = c.req.valid("json");
      const operator = principalName(c.get("principal"));
      const seen = step === undefined ? {} : { step: step - 1 };
      await rollouts.order(id, { name, operator, reason, heals, ...seen });
      return done<RolloutView>(await viewOf(id));
    });
  }
  addHalt(app, rollouts, guards);
  return app;
}

function addHalt(app: OpenAPIHono<ApiEnv>, rollouts: RolloutControl, guards: Guards): void {
  const view = (): HaltView => {
    const halt = rollouts.fleetHalt();
    if (halt === null) return { halted: false, operator: null, reason: null, at: null };
    return { halted: true, ...halt };
  };
  app.openapi(haltStateRoute(guards), (c) => tagged<HaltView>(c, view()));
  for (const act of ["halt", "resume"] as const) {
    app.openapi(haltRoute(guards, act), async (c) => {
      const operator = principalName(c.get("principal"));
      const { reason } = c.req.valid("json");
      await rollouts.haltFleet({ isHalted: act === "halt", operator, reason });
      return done<HaltView>(view());
    });
  }
}

function noRollout(id: number): FleetError {
  const message = `no rollout has the number ${id}`;
  const hint = "List them with: fleet rollout list";
  return new FleetError("not_found", { message, hint, subject: String(id) });
}
