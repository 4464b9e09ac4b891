// Enrolment: a single-use token becomes a device's identity.
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Bus } from "#hub/bus.ts";
import type { Store } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";
import type { EnrolRequest, EnrolResponse } from "#shared/enrolment.ts";
import type { DeviceId } from "#shared/ids.ts";
import { done, json, responses } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import { createLimiter } from "./limiter.ts";
import { remoteAddress } from "./origin.ts";
import type { Introduction } from "./ports.ts";
import { sendProblem } from "./problem.ts";
import { EnrolRequestSchema, EnrolResponseSchema } from "./schema.ts";

const route = createRoute({
  method: "post",
  path: "/v1/enroll",
  operationId: "enrolDevice",
  tags: ["Devices' own routes"],
  summary: "Redeems a single-use token for a device's identity",
  description:
    "The same nonce may redeem the same token again, since an answer may be lost on the way: it gets the same secret.",
  request: {
    body: { required: true, content: { "application/json": { schema: EnrolRequestSchema } } },
  },
  responses: responses({ 201: json("The identity.", EnrolResponseSchema) }),
});

interface Options {
  store: Pick<Store, "redeemToken" | "enrol" | "identity" | "addEvents">;
  bus: Bus;
  clock: Clock;
  introduction: Introduction;
  /** Ends what an earlier identity of the device still has open. */
  disconnect: (device: DeviceId) => void;
}

export function enrolRoutes(options: Options): OpenAPIHono<ApiEnv> {
  const limiter = createLimiter({ clock: options.clock, burst: 20, refillMs: 3000 });
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route, async (c) => {
    const request = c.req.valid("json");
    const secret = await enrol(options, request);
    if (secret !== undefined) {
      return done<EnrolResponse>(await identity(options, request, secret), 201);
    }
    const address = remoteAddress(c);
    // Asked last: behind a proxy all devices have one address, and a good token must not wait for bad ones.
    if (!limiter.allows(address)) return sendProblem(c, tooMany, { "Retry-After": "60" });
    limiter.fail(address);
    return sendProblem(c, badToken);
  });
  return app;
}

const tooMany = {
  code: "rate_limited",
  detail: "too many tokens from this address were refused",
} as const;

const badToken = {
  code: "token_invalid",
  detail: "the token is unknown, used, expired or meant for another device",
  hint: "Ask an operator for a new one: POST /v1/enrollment-tokens.",
} as const;

/** @returns the secret, or undefined when the token does not allow it */
async function enrol(
  { store, bus, clock, introduction, disconnect }: Options,
  { token, device, nonce, labels }: EnrolRequest,
): Promise<string | undefined> {
  const now = clock.now();
  if (!(await store.redeemToken(sha256(token), device, nonce, now))) return undefined;
  const secret = introduction.secret({ token, device, nonce });
  await store.enrol(device, sha256(secret), labels, now);
  disconnect(device);
  bus.emit("membership", device);
  bus.emit("device", device);
  for (const event of await store.addEvents([enrolled(device, now)])) bus.emit("event", event);
  return secret;
}

function enrolled(device: DeviceId, at: number) {
  const message = `${device} was enrolled`;
  const what = { type: "Normal", reason: "DeviceEnrolled", message } as const;
  return { at, device, app: null, source: "hub" as const, ...what };
}

async function identity(
  { store, introduction }: Options,
  { device }: EnrolRequest,
  secret: string,
): Promise<EnrolResponse> {
  const mqttUrl = introduction.mqttUrl();
  const hubKeys = [...introduction.hubKeys];
  const known = await store.identity(device);
  return {
    ...{ device, secret, hubKeys },
    ...(mqttUrl === undefined ? {} : { mqttUrl }),
    ...(known === null ? {} : { statement: introduction.statement(known) }),
  };
}
