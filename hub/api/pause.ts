// The pause of the fleet after the hub's store was lost or restored: whether it lasts, and its end.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { Principal } from "#hub/broker/port.ts";
import type { Pause } from "#hub/store/memo_port.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import type { PauseControl } from "./ports.ts";
import { Reason, UnixMs } from "./schema.ts";

export const PauseView = component(
  "FleetPause",
  z.object({
    paused: z.boolean(),
    cause: z.enum(["blank", "restored"]).nullable().meta({
      description: "`blank`: the store had to begin anew. `restored`: it is an old copy.",
    }),
    reason: z.string().nullable(),
    at: UnixMs.nullable(),
  }),
);
export type PauseView = z.infer<typeof PauseView>;

const EndRequest = component(
  "FleetPauseEnd",
  z.strictObject({
    reason: Reason,
    force: z.boolean().default(false).meta({
      description:
        "Also when a commit that devices still have is gone from the repository; they then get the newest.",
    }),
  }),
);

const common = (guards: Guards) => ({
  tags: ["Fleet"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const stateRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/fleet/pause",
    operationId: "getFleetPause",
    summary: "Says whether the fleet is paused because the hub's store was lost or restored",
    responses: reads("The pause.", PauseView),
  });

const endRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/fleet/pause/end",
    operationId: "endFleetPause",
    summary: "Ends the pause: the devices follow the repository again",
    request: { body: { required: true, content: { "application/json": { schema: EndRequest } } } },
    responses: responses({ 200: json("The pause as it is now.", PauseView) }),
  });

export function pauseRoutes(options: { pause: PauseControl; guards: Guards }): OpenAPIHono<ApiEnv> {
  const { pause, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(stateRoute(guards), (c) => tagged<PauseView>(c, viewOf(pause.state())));
  app.openapi(endRoute(guards), async (c) => {
    const { reason, force: isForced } = c.req.valid("json");
    const operator = principalName(c.get("principal"));
    await pause.resume({ operator, reason, isForced });
    return done<PauseView>(viewOf(pause.state()));
  });
  return app;
}

function viewOf(pause: Pause | null): PauseView {
  if (pause === null) return { paused: false, cause: null, reason: null, at: null };
  return { paused: true, ...pause };
}

/** An operator who asks the API learns of a pause, whatever was asked. The reason names devices, so nobody else does. */
export const pauseHeader = "Metrica-Fleet-Paused";

export function tellsPause(pause: PauseControl): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    await next();
    const reason = pause.state()?.reason;
    if (reason === undefined || !c.req.path.startsWith("/v1/")) return;
    const principal: Principal | undefined = c.get("principal");
    if (principal?.kind === "operator") c.res.headers.set(pauseHeader, encodeURIComponent(reason));
  };
}
