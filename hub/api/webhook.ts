// The repository's webhook: a push is a reason to fetch now, and never a source of content.
import { createHmac, timingSafeEqual } from "node:crypto";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import { responses } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import type { GitControl } from "./ports.ts";

const route = (guard: MiddlewareHandler<ApiEnv>) =>
  createRoute({
    method: "post",
    path: "/v1/git/webhook",
    operationId: "gitWebhook",
    tags: ["Fleet"],
    summary: "Says that the fleet repository has changed",
    description:
      "Any body. Wants an operator's token, or `X-Hub-Signature-256` with the webhook's secret.",
    security: [{ operator: [] }, { webhook: [] }],
    middleware: guard,
    responses: responses({ 202: { description: "The hub fetches soon." } }),
  });

export function webhookRoutes(options: {
  git: GitControl;
  guards: Guards;
  /** Undefined: only operators may call. */
  secret: string | undefined;
}): OpenAPIHono<ApiEnv> {
  const { git, guards, secret } = options;
  const app = new OpenAPIHono<ApiEnv>();
  const guard: MiddlewareHandler<ApiEnv> = async (c, next) => {
    const signature = c.req.header("x-hub-signature-256");
    if (secret === undefined || signature === undefined) return guards.operator(c, next);
    const body = Buffer.from(await c.req.arrayBuffer());
    if (!isSigned(body, signature, secret)) return guards.operator(c, next);
    await next();
    return undefined;
  };
  app.openapi(route(guard), (c) => {
    git.poke();
    return c.body(null, 202);
  });
  return app;
}

function isSigned(body: Buffer, signature: string, secret: string): boolean {
  const wanted = Buffer.from(`sha256=${createHmac("sha256", secret).update(body).digest("hex")}`);
  const given = Buffer.from(signature);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
