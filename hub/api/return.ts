// A device returns: it shows what it holds in the hub's own hand, and is known again.
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Returns } from "#hub/resurrect/returns.ts";
import type { Clock } from "#shared/clock.ts";
import type { ReturnResponse } from "#shared/gateway.ts";
import { done, json, responses } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import { basicOf } from "./guards.ts";
import { createLimiter } from "./limiter.ts";
import { remoteAddress } from "./origin.ts";
import { sendProblem } from "./problem.ts";
import { DeviceParams, ReturnRequestSchema, ReturnResponseSchema } from "./schema.ts";

const route = createRoute({
  method: "post",
  path: "/v1/devices/{id}/return",
  operationId: "returnDevice",
  tags: ["Devices' own routes"],
  summary: "Takes in what a device holds in the hub's own hand",
  description:
    "For a hub that has lost the device, or is behind it. A device that the hub does not know proves itself by its secret and by the statement that the hub signed at its enrolment.",
  security: [{ device: [] }],
  request: {
    params: DeviceParams,
    body: { required: true, content: { "application/json": { schema: ReturnRequestSchema } } },
  },
  responses: responses({ 200: json("The statement to keep.", ReturnResponseSchema) }),
});

const unproven = {
  code: "unauthenticated",
  detail: "neither the hub's store nor a statement of the hub vouches for this secret",
  hint: "Enrol the device again with a new token.",
} as const;
const tooMany = {
  code: "rate_limited",
  detail: "too many devices from this address could not prove who they are",
} as const;

export function returnRoutes(options: { returns: Returns; clock: Clock }): OpenAPIHono<ApiEnv> {
  const limiter = createLimiter({ clock: options.clock, burst: 20, refillMs: 3000 });
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route, async (c) => {
    const { id } = c.req.valid("param");
    const presented = basicOf(c);
    const answer =
      presented?.id === id
        ? await options.returns.take(id, presented.secret, c.req.valid("json"))
        : undefined;
    if (answer !== undefined) return done<ReturnResponse>(answer);
    const address = remoteAddress(c);
    // Asked last: behind a proxy all devices have one address.
    if (!limiter.allows(address)) return sendProblem(c, tooMany, { "Retry-After": "60" });
    limiter.fail(address);
    return sendProblem(c, unproven, { "WWW-Authenticate": 'Basic realm="metrica-fleet"' });
  });
  return app;
}
