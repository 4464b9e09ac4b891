// Errors as RFC 9457 problems: one shape, one media type, a status for every error code.
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import { asFleetError, type ErrorCode } from "#shared/errors.ts";
import { component } from "./component.ts";

/** Codes of HTTP itself, which no other part of the product can raise. */
const httpCodes = {
  method_not_allowed: { status: 405, title: "Method not allowed" },
  media_type_unsupported: { status: 415, title: "Media type not supported" },
  range_unsatisfiable: { status: 416, title: "Range not satisfiable" },
  rate_limited: { status: 429, title: "Too many requests" },
} as const;
type HttpCode = keyof typeof httpCodes;

const fleetCodes: Partial<Record<ErrorCode, { status: number; title: string }>> = {
  request_invalid: { status: 400, title: "Request not valid" },
  message_invalid: { status: 400, title: "Message not valid" },
  envelope_invalid: { status: 400, title: "Signature not valid" },
  unauthenticated: { status: 401, title: "Not signed in" },
  forbidden: { status: 403, title: "Not allowed" },
  token_invalid: { status: 403, title: "Token not valid" },
  not_found: { status: 404, title: "Not found" },
  generation_conflict: { status: 409, title: "Conflict" },
  state_conflict: { status: 409, title: "Not in this state" },
  precondition_failed: { status: 412, title: "Precondition failed" },
  message_too_large: { status: 413, title: "Too large" },
  limit_reached: { status: 429, title: "Too many at once" },
  request_reused: { status: 422, title: "Request id used for something else" },
  store_unavailable: { status: 503, title: "Store unavailable" },
  device_unreachable: { status: 503, title: "Device not reachable" },
};
const fallback = { status: 500, title: "Internal error" };

export const Problem = component(
  "Problem",
  z.object({
    type: z.string().meta({ description: "Where the code is explained." }),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "One sentence for a person." }),
    code: z.string().meta({ description: "Stable, for programs." }),
    hint: z.string().exactOptional().meta({ description: "The next step." }),
    instance: z.string().meta({ description: "The path that was asked for." }),
    errors: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .exactOptional()
      .meta({ description: "Every field that did not hold." }),
  }),
);
export type Problem = z.infer<typeof Problem>;

export interface ProblemParts {
  code: ErrorCode | HttpCode;
  detail: string;
  hint?: string | undefined;
  errors?: { field: string; message: string }[];
}

/** Every code that an answer can carry, with its status, for the reference. */
export function problemCodes(): { code: string; status: number; title: string }[] {
  return Object.entries({ ...fleetCodes, ...httpCodes, internal: fallback })
    .map(([code, { status, title }]) => ({ code, status, title }))
    .sort((a, b) => a.status - b.status || a.code.localeCompare(b.code, "en"));
}

export function problemOf(parts: ProblemParts, instance: string): Problem {
  const { code, detail, hint, errors } = parts;
  const known = { ...fleetCodes, ...httpCodes }[code] ?? fallback;
  return {
    type: `/docs#problem-${code}`,
    ...known,
    detail,
    code,
    ...(hint === undefined ? {} : { hint }),
    instance,
    ...(errors === undefined ? {} : { errors }),
  };
}

/** An error as the parts of a problem. What an internal error says stays in the log. */
export function partsOf(error: unknown): ProblemParts {
  if (error instanceof HTTPException) return partsOfHttp(error);
  const { code, sentence, hint } = asFleetError(error);
  if (code === "internal") {
    return { code, detail: "the hub failed to answer this request", hint: "See the hub's log." };
  }
  return { code, detail: sentence, hint };
}

/** The framework's own refusals of a body. */
function partsOfHttp(error: HTTPException): ProblemParts {
  if (error.status === 415) {
    const hint = "Send JSON with `Content-Type: application/json`.";
    return { code: "media_type_unsupported", detail: "this body is not JSON by its type", hint };
  }
  if (error.status >= 500) return { code: "internal", detail: "the hub failed to answer" };
  return { code: "request_invalid", detail: "the body is not valid JSON" };
}

/** Answers with the problem. */
export function sendProblem(
  c: Context,
  parts: ProblemParts,
  headers: Record<string, string> = {},
): Response {
  const problem = problemOf(parts, c.req.path);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      ...(problem.status === 503 ? { "Retry-After": "5" } : {}),
      ...headers,
    },
  });
}
