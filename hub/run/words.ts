// Runs and phases in words: the events that tell of them, and the errors that refuse an order.
import type { NewEvent } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { Run, RunHead } from "./model.ts";
import type { Lifecycle, Why } from "./phase.ts";

export function eventOf(
  device: DeviceId | null,
  fact: Pick<NewEvent, "type" | "reason" | "message">,
  at: number,
): NewEvent {
  return { at, device, app: null, source: "hub", ...fact };
}

export function tellOrdered({ id, plan, device, operator, reason }: Run): Why {
  const message = `${operator} ordered run ${id} of ${plan} on ${device}: ${reason}`;
  return { reason: "RunOrdered", message };
}

const outcomes = {
  Succeeded: { type: "Normal", reason: "RunSucceeded", words: "succeeded" },
  Failed: { type: "Warning", reason: "RunFailed", words: "failed" },
  Cancelled: { type: "Warning", reason: "RunCancelled", words: "was cancelled" },
} as const;

/** Undefined for a state in which nothing is over. */
export function tellEnd(
  { id, plan, steps }: Run,
  { state, step, message }: RunHead,
): Pick<NewEvent, "type" | "reason" | "message"> | undefined {
  if (state === "Pending" || state === "Running") return undefined;
  const { type, reason, words } = outcomes[state];
  const at =
    step === null || state === "Succeeded"
      ? ""
      : ` in step ${step.index + 1} of ${steps.length} (${step.kind})`;
  const why = message === null ? "" : `: ${message}`;
  return { type, reason, message: `run ${id} of ${plan} ${words}${at}${why}` };
}

export function tellPhase(
  life: Lifecycle,
  { message }: Why,
): Pick<NewEvent, "type" | "reason" | "message"> {
  const isBad = life.needsIntervention.status === "True";
  const words = `the device is ${life.phase}${isBad ? " and needs intervention" : ""}: ${message}`;
  return { type: isBad ? "Warning" : "Normal", reason: "PhaseChanged", message: words };
}

export function unknownRun(id: string): FleetError {
  return new FleetError("not_found", {
    message: `no run has the id ${id}`,
    subject: id,
    hint: "See them: fleet runs",
  });
}

export function unknownDevice(device: DeviceId): FleetError {
  return new FleetError("not_found", {
    message: `no device "${device}" is enrolled or imported here`,
    subject: device,
    hint: "Enrol it, or import it from a file.",
  });
}

export function unknownPlan(plan: string, names: readonly string[]): FleetError {
  return new FleetError("not_found", {
    message: `no plan has the name "${plan}"`,
    subject: plan,
    hint: `There are: ${names.join(", ")}.`,
  });
}

export function activeRun({ id, plan, device }: Run): FleetError {
  return new FleetError("state_conflict", {
    message: `run ${id} of ${plan} goes on on ${device}; a device has one at a time`,
    subject: id,
    hint: "Wait for its end, or cancel it.",
  });
}

export function alreadyOver({ id, head }: Run): FleetError {
  return new FleetError("state_conflict", {
    message: `run ${id} is over: ${head.state}`,
    subject: id,
    hint: "Only a run that goes on can be cancelled.",
  });
}

/** Another hub was faster. */
export function contested({ device }: Run): FleetError {
  return new FleetError("state_conflict", {
    message: `another run was begun on ${device} at the same time`,
    subject: device,
    hint: "Look at it: fleet runs",
  });
}

export function wrongPhase(life: Lifecycle, plan: string, from: readonly string[]): FleetError {
  const isRma = life.phase === "RMA";
  return new FleetError("state_conflict", {
    message: `${life.device} is ${life.phase}; ${plan} is run from ${from.join(", ")}`,
    subject: life.device,
    hint: isRma
      ? `Replace the hardware and enrol it under the same name: fleet enroll ${life.device}`
      : "Wait until it is in one of these phases.",
  });
}

export function requestReused({ id, plan, request }: Run): FleetError {
  return new FleetError("request_reused", {
    message: `the request ${request} was already used, for something else: run ${id} of ${plan}`,
    subject: request,
    hint: "Take another request id, or send the same plan and parameters.",
  });
}
