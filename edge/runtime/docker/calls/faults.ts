// Turns what goes wrong between the agent and the Engine into FleetErrors, by errno and HTTP status.
import { FleetError } from "#shared/errors.ts";

/** What the Engine answered when it did not do what was asked; the cause of a FleetError. */
export class EngineAnswer extends Error {
  override readonly name = "EngineAnswer";
  readonly status: number;

  constructor(status: number, sentence: string) {
    super(sentence);
    this.status = status;
  }
}

/** The HTTP status behind an error, or undefined when the Engine did not answer at all. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof FleetError)) return undefined;
  return error.cause instanceof EngineAnswer ? error.cause.status : undefined;
}

/** The call's result, or the fallback when the Engine answered with one of the statuses. */
export async function unless<T, F>(
  statuses: number[],
  call: Promise<T>,
  fallback: F,
): Promise<T | F> {
  try {
    return await call;
  } catch (error) {
    if (statuses.includes(statusOf(error) ?? 0)) return fallback;
    throw error;
  }
}

/** What docker-modem rejects with. */
interface ModemError {
  statusCode?: number;
  json?: { message?: string } | null;
  message?: string;
  code?: string;
}

/** @param what the call for a person, e.g. `create container web-1` */
export function faultOf(what: string, error: unknown): FleetError {
  if (error instanceof FleetError) return error;
  const fault = error as ModemError;
  return fault.statusCode === undefined
    ? unreachable(what, fault)
    : refused(what, fault.statusCode, sentenceOf(fault));
}

function refused(what: string, status: number, sentence: string): FleetError {
  return new FleetError(status >= 500 ? "runtime_unavailable" : "runtime_refused", {
    message: `the Docker Engine could not ${what}: ${sentence}`,
    cause: new EngineAnswer(status, sentence),
  });
}

function unreachable(what: string, fault: ModemError): FleetError {
  const denied = fault.code === "EACCES" || fault.code === "EPERM";
  return new FleetError("runtime_unavailable", {
    message: `the Docker Engine could not be reached to ${what} (${fault.code ?? fault.message})`,
    hint: denied
      ? "Let the agent's user open the Engine's socket (group docker)."
      : "Check that the Docker Engine runs on this device.",
    cause: fault,
  });
}

export function tooSlow(what: string, limitMs: number): FleetError {
  return new FleetError("runtime_timeout", {
    message: `the Docker Engine did not ${what} within ${limitMs / 1000} s`,
    hint: "Check the Docker Engine on this device; it accepts calls and does not answer them.",
  });
}

export function interrupted(what: string): FleetError {
  return new FleetError("interrupted", { message: `the call to ${what} was interrupted` });
}

/** The Engine's own sentence: docker-modem wraps it, and hides the document of a streamed answer. */
function sentenceOf(fault: ModemError): string {
  const said = fault.json?.message ?? fault.message?.replace(/^\(HTTP code \d+\) .*? - /s, "");
  return said?.trim() ?? "no reason given";
}
