// The one error class of both sides: a stable code, a sentence, a hint and a retry verdict.

/** Whether trying the same thing again can help.
 *  `later`: a fault outside (network, registry, disk); back off and try again.
 *  `never`: the input is wrong; only a change of it helps. */
export type Retry = "later" | "never";

/** Every code that appears in a log, a report, an API problem or a metric label. */
export const errorCodes = {
  config_invalid: "never",
  repository_invalid: "never",
  repository_unreachable: "later",
  compose_invalid: "never",
  compose_unsupported: "never",
  variable_missing: "never",
  role_invalid: "never",
  role_rejected: "never",
  plan_cycle: "never",
  bundle_unreachable: "later",
  bundle_corrupt: "later",
  bundle_invalid: "never",
  release_damaged: "later",
  disk_short: "later",
  update_held: "later",
  image_missing: "never",
  image_denied: "never",
  image_corrupt: "later",
  registry_unreachable: "later",
  runtime_unavailable: "later",
  runtime_timeout: "later",
  runtime_refused: "never",
  port_taken: "never",
  command_missing: "never",
  start_failed: "never",
  unhealthy: "never",
  crash_loop: "never",
  envelope_invalid: "never",
  message_invalid: "never",
  message_too_large: "never",
  generation_conflict: "never",
  unauthenticated: "never",
  forbidden: "never",
  not_found: "never",
  precondition_failed: "never",
  state_conflict: "never",
  request_invalid: "never",
  request_reused: "never",
  token_invalid: "never",
  hub_unreachable: "later",
  device_unreachable: "later",
  limit_reached: "later",
  journal_unusable: "never",
  store_unavailable: "later",
  interrupted: "later",
  step_failed: "never",
  step_timeout: "later",
  internal: "later",
} as const satisfies Record<string, Retry>;

export type ErrorCode = keyof typeof errorCodes;

/** A place in a file that a person can open. Line and column count from 1. */
export interface Where {
  file: string;
  line?: number;
  column?: number;
  /** Dotted path of the key, e.g. `services.web.ports`. */
  key?: string;
}

interface Details {
  /** One sentence for a person: what was wrong with what. No trailing hint. */
  message: string;
  /** The next step, as an imperative sentence. */
  hint?: string;
  /** What the error is about: an image, a file, a device. */
  subject?: string;
  where?: Where;
  /** Overrides the code's usual verdict. */
  retry?: Retry;
  cause?: unknown;
}

/** Thrown or returned wherever something is refused; logged once, at the loop or the route. */
export class FleetError extends Error {
  override readonly name = "FleetError";
  readonly code: ErrorCode;
  readonly retry: Retry;
  readonly hint: string | undefined;
  readonly subject: string | undefined;
  readonly where: Where | undefined;

  constructor(code: ErrorCode, details: Details) {
    super(details.message, details.cause === undefined ? {} : { cause: details.cause });
    this.code = code;
    this.retry = details.retry ?? errorCodes[code];
    this.hint = details.hint;
    this.subject = details.subject;
    this.where = details.where;
  }

  /** `file:line: key: message`, as compilers write it, without the hint. */
  get sentence(): string {
    if (this.where === undefined) return this.message;
    const { file, line, key } = this.where;
    const place = line === undefined ? file : `${file}:${line}`;
    return key === undefined ? `${place}: ${this.message}` : `${place}: ${key}: ${this.message}`;
  }
}

/** The same error if it already is one, else `internal` with the original as its cause. */
export function asFleetError(error: unknown): FleetError {
  if (error instanceof FleetError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new FleetError("internal", { message, cause: error });
}
