// What happens around every request: headers, size limit, measuring, and problems for what goes wrong.
import type { Context, MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { routePath } from "hono/route";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { ApiEnv, ApiLogger } from "./env.ts";
import type { RequestMeter } from "./ports.ts";
import { type ProblemParts, partsOf, sendProblem } from "./problem.ts";

const maxBodyBytes = 1024 * 1024;

/** For everything that is not a page; pages set a wider policy of their own. */
const headers = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  // Not `no-referrer`: under that, browsers send `Origin: null` with forms.
  "Referrer-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cross-Origin-Opener-Policy": "same-origin",
};

export function securityHeaders(): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(headers)) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
  };
}

export function limitedBody(): MiddlewareHandler<ApiEnv> {
  const detail = `a body may have at most ${maxBodyBytes} bytes`;
  const onError = (c: Context): Response => sendProblem(c, { code: "message_too_large", detail });
  return bodyLimit({ maxSize: maxBodyBytes, onError });
}

/** Counts by the route's pattern, so that no path of a client can make a new time series. */
export function measured(meter: RequestMeter, clock: Clock): MiddlewareHandler<ApiEnv> {
  return async (c, next) => {
    const beginMs = clock.monotonicMs();
    await next();
    const seconds = (clock.monotonicMs() - beginMs) / 1000;
    const route = routePath(c, -1);
    const known = route === "*" || route === "/*" ? "unmatched" : route;
    meter.observe({ method: methodOf(c), route: known, status: c.res.status, seconds });
  };
}

const methods = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

function methodOf(c: Context): string {
  return methods.has(c.req.method) ? c.req.method : "other";
}

/** @param answer turns a problem into a response, for a program or for a browser */
export function onError(
  logger: ApiLogger,
  answer: (c: Context, parts: ProblemParts) => Response | Promise<Response>,
) {
  return async (error: Error, c: Context): Promise<Response> => {
    const response = await answer(c, partsOf(error));
    const { code } = asFleetError(error);
    const told = { err: error, code, method: c.req.method, path: c.req.path };
    if (response.status >= 500) logger.error(told, "request failed");
    return response;
  };
}
