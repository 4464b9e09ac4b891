// One request to the hub: its time limit, its bounded retries, and its refusals as errors of the product.
import type { Clock } from "#shared/clock.ts";
import { type ErrorCode, errorCodes, FleetError } from "#shared/errors.ts";
import { comebackMs } from "./comeback.ts";

export interface HttpOptions {
  /** Base address of the hub. */
  url: string;
  token: string;
  clock: Clock;
  /** Of one try. */
  timeoutMs: number;
  /** Uniform in [0, 1). */
  random?: () => number;
  /** The hub says so beside whatever it answers. */
  onPaused?: (reason: string) => void;
  /** What the hub's clock shows: Unix ms, to a second. */
  onHubTime?: (atMs: number) => void;
}

export interface HttpRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  path: string;
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  /** Instead of a body, sent as it is; `headers` say what it is. */
  text?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Http {
  /** The answer, whatever it is about. Reads are tried again while the hub is away or says 503; what
   *  changes something is sent once.
   *  @throws FleetError */
  send(request: HttpRequest): Promise<Response>;
  json<T>(request: HttpRequest): Promise<T>;
}

/** As the hub names it (hub/api/pause.ts). */
const pauseHeader = "metrica-fleet-paused";

const tries = 4;
const pauses = { baseMs: 300, maxMs: 2000 };

export function createHttp(options: HttpOptions): Http {
  const { clock, random = Math.random } = options;
  const send = async (request: HttpRequest): Promise<Response> => {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await sendOnce(options, request);
      } catch (error) {
        if (attempt + 1 >= tries || request.method !== "GET" || !isPassing(error)) throw error;
        await clock.sleep(comebackMs(attempt, random(), pauses), request.signal);
        if (request.signal?.aborted) throw error;
      }
    }
  };
  return {
    send,
    json: async <T>(request: HttpRequest): Promise<T> => {
      const response = await send(request);
      const text = await response.text().catch((cause: unknown) => {
        throw unreachable(options.url, cause);
      });
      return parse<T>(text, options.url);
    },
  };
}

function isPassing(error: unknown): boolean {
  return error instanceof FleetError && passing.has(error.code) && error.retry === "later";
}

const passing = new Set<ErrorCode>(["hub_unreachable", "store_unavailable"]);

async function sendOnce(
  { url, token, timeoutMs, onPaused, onHubTime }: HttpOptions,
  { method, path, query, body, text, headers, signal }: HttpRequest,
): Promise<Response> {
  const address = new URL(`${url}${path}`);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) address.searchParams.set(name, String(value));
  }
  const content = body === undefined ? text : JSON.stringify(body);
  const sent = content === undefined ? {} : { body: content };
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const response = await fetch(address, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...type, ...headers },
    ...sent,
    // Another address would get the token.
    redirect: "manual",
    signal: signal ?? AbortSignal.timeout(timeoutMs),
  }).catch((cause: unknown) => {
    throw unreachable(url, cause);
  });
  const paused = response.headers.get(pauseHeader);
  if (paused !== null) onPaused?.(decodeURIComponent(paused));
  const hubMs = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isNaN(hubMs)) onHubTime?.(hubMs);
  if (response.ok) return response;
  throw await refusal(response, url);
}

const certificateCodes = /^(DEPTH_ZERO_|SELF_SIGNED|UNABLE_TO_|CERT_|ERR_TLS_)/;

function unreachable(url: string, thrown: unknown): FleetError {
  if (thrown instanceof Error && thrown.name === "TimeoutError") {
    const message = `the hub at ${url} did not answer in time`;
    const hint = "Try again with a longer --request-timeout, or look at the hub's log.";
    // A slow hub gets no more work.
    return new FleetError("hub_unreachable", { message, hint, retry: "never", cause: thrown });
  }
  const errno = errnoOf(thrown);
  const about =
    errno ?? (thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : "");
  const hint = hintFor(errno ?? "");
  const message = `the hub at ${url} does not answer${about === "" ? "" : ` (${about})`}`;
  return new FleetError("hub_unreachable", { message, hint, cause: thrown });
}

function hintFor(errno: string): string {
  if (certificateCodes.test(errno)) {
    return "Its certificate is not trusted here: set NODE_EXTRA_CA_CERTS to the file of its authority.";
  }
  // The hub itself does not encrypt; a proxy in front of it may.
  if (errno === "ERR_SSL_WRONG_VERSION_NUMBER") return "What is there speaks http and not https.";
  return "Check that the hub runs and that this is its address; another one: fleet login URL.";
}

/** Node's fetch says "fetch failed" and keeps what happened as the cause. */
function errnoOf(thrown: unknown): string | undefined {
  const cause = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown;
  if (typeof cause !== "object" || cause === null || !("code" in cause)) return undefined;
  return typeof cause.code === "string" ? cause.code : undefined;
}

interface ProblemBody {
  detail?: string;
  code?: string;
  hint?: string;
  errors?: { field: string; message: string }[];
}

async function refusal(response: Response, url: string): Promise<FleetError> {
  const type = response.headers.get("content-type") ?? "";
  const text = await response.text().catch(() => "");
  if (!type.startsWith("application/problem+json")) return notAHub(response.status, url);
  const problem = parse<ProblemBody>(text, url);
  const code = codeOf(problem.code, response.status);
  const more = (problem.errors ?? []).slice(1).map(({ field, message }) => `${field}: ${message}`);
  const message = [problem.detail ?? `the hub answered ${response.status}`, ...more].join("; ");
  const hint = code === "unauthenticated" ? tokenHint(url) : problem.hint;
  return new FleetError(code, { message, ...(hint === undefined ? {} : { hint }) });
}

function tokenHint(url: string): string {
  return `The token is not one that this hub knows. Sign in again: fleet login ${url}`;
}

/** Codes of HTTP itself (429, 405, …) have no error of their own here. */
function codeOf(code: string | undefined, status: number): ErrorCode {
  if (code !== undefined && Object.hasOwn(errorCodes, code)) return code as ErrorCode;
  if (status === 429 || status === 503) return "store_unavailable";
  return status >= 500 ? "internal" : "request_invalid";
}

function notAHub(status: number, url: string): FleetError {
  return new FleetError("hub_unreachable", {
    message: `what answers at ${url} (status ${status}) does not speak as a hub`,
    hint: "Check the address: fleet login URL. A proxy in between may have answered instead.",
    // A proxy says 502 while the hub behind it starts again.
    retry: status >= 500 ? "later" : "never",
  });
}

function parse<T>(text: string, url: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw notAHub(200, url);
  }
}
