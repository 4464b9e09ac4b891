// What an operator hands out: enrolment tokens for devices and sign-in codes for the browser.
import { randomBytes } from "node:crypto";
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Store } from "#hub/store/port.ts";
import { sha256 } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";
import { DeviceId } from "#shared/ids.ts";
import { done, json, responses } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv, ApiLogger } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import { NewDeviceId, UnixMs } from "./schema.ts";
import type { Sessions } from "./sessions.ts";

const daySeconds = 86_400;

const TokenRequest = component(
  "EnrollmentTokenRequest",
  z.strictObject({
    device: NewDeviceId.exactOptional().meta({ description: "Only this device may redeem it." }),
    ttlSeconds: z.int().min(60).max(daySeconds).default(daySeconds),
  }),
);

const TokenView = component(
  "EnrollmentToken",
  z.object({
    token: z.string().meta({ description: "Shown once; the hub keeps its sha256." }),
    device: DeviceId.nullable(),
    expiresAt: UnixMs,
  }),
);
export type TokenView = z.infer<typeof TokenView>;

const SignInCode = component(
  "SignInCode",
  z.object({
    code: z.string(),
    path: z.string().meta({ description: "Open it on the hub's address within ten minutes." }),
    expiresAt: UnixMs,
  }),
);
export type SignInCode = z.infer<typeof SignInCode>;

const common = (guards: Guards) => ({
  method: "post" as const,
  tags: ["Access"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const tokenRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/enrollment-tokens",
    operationId: "createEnrollmentToken",
    summary: "Makes a single-use token for the enrolment of a device",
    request: {
      body: { required: true, content: { "application/json": { schema: TokenRequest } } },
    },
    responses: responses({ 201: json("The token.", TokenView) }),
  });

const codeRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/sign-in-codes",
    operationId: "createSignInCode",
    summary: "Makes a single-use code that signs a browser in",
    responses: responses({ 201: json("The code.", SignInCode) }),
  });

export function tokenRoutes(options: {
  store: Pick<Store, "addToken">;
  sessions: Sessions;
  clock: Clock;
  logger: ApiLogger;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, sessions, clock, logger, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(tokenRoute(guards), async (c) => {
    const { device = null, ttlSeconds } = c.req.valid("json");
    const token = randomBytes(32).toString("base64url");
    const createdAt = clock.now();
    const expiresAt = createdAt + ttlSeconds * 1000;
    await store.addToken({ hash: sha256(token), device, createdAt, expiresAt });
    logger.info({ operator: principalName(c.get("principal")), device }, "enrollment token made");
    return done<TokenView>({ token, device, expiresAt }, 201);
  });
  app.openapi(codeRoute(guards), (c) => {
    const { code, expiresAt } = sessions.issueCode(principalName(c.get("principal")));
    return done<SignInCode>({ code, path: `/sign-in?code=${code}`, expiresAt }, 201);
  });
  return app;
}
