// What went wrong with a request, as the API and the page tell it.
import { asFleetError, type ErrorCode, type FleetError } from "#shared/errors.ts";

type HttpCode = "rate_limited" | "media_type_unsupported";

const statuses = {
  request_invalid: 400,
  unauthenticated: 401,
  token_invalid: 401,
  forbidden: 403,
  not_found: 404,
  precondition_failed: 409,
  runtime_refused: 409,
  start_failed: 409,
  port_taken: 409,
  update_held: 409,
  message_too_large: 413,
  media_type_unsupported: 415,
  rate_limited: 429,
  runtime_unavailable: 503,
  journal_unusable: 503,
  interrupted: 503,
  runtime_timeout: 504,
} as const satisfies Partial<Record<ErrorCode | HttpCode, number>>;

export type ProblemStatus = (typeof statuses)[keyof typeof statuses] | 500;

/** @see RFC 9457 */
export interface Problem {
  type: string;
  title: string;
  status: ProblemStatus;
  /** One sentence for a person. */
  detail: string;
  /** Stable, for programs. */
  code: string;
  /** The next step. */
  hint?: string;
}

export function problemOf(code: ErrorCode | HttpCode, detail: string, hint?: string): Problem {
  const status = (statuses as Partial<Record<string, ProblemStatus>>)[code] ?? 500;
  return {
    type: `urn:metrica-fleet:problem:${code}`,
    title: code.replaceAll("_", " "),
    status,
    detail,
    code,
    ...(hint === undefined ? {} : { hint }),
  };
}

/** What an internal error says stays in the agent's log. */
export function problemOfError(error: FleetError): Problem {
  const { code, sentence, hint } = asFleetError(error);
  if (code !== "internal") return problemOf(code, sentence, hint);
  return problemOf(code, "the agent failed to answer this request", "See the agent's log.");
}

export function sendProblem(problem: Problem, headers: Record<string, string> = {}): Response {
  return Response.json(problem, {
    status: problem.status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
