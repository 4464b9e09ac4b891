// What is told of rollouts, as events and as refusals.
import type { NewEvent } from "#hub/store/port.ts";
import type { FleetHalt, RolloutRow } from "#hub/store/rollout_port.ts";
import { FleetError } from "#shared/errors.ts";
import type { Tell } from "./advance/model.ts";
import { type OrderName, statesFor } from "./advance/order.ts";

/** @param row absent for what is told of the fleet */
export function eventOf(
  { type, reason, message, device }: Tell,
  at: number,
  row?: Pick<RolloutRow, "id" | "deployment">,
): NewEvent {
  const subject = row === undefined ? "" : `rollout ${row.id} of ${row.deployment}: `;
  const app = row?.deployment ?? null;
  return {
    at,
    device: device ?? null,
    app,
    type,
    reason,
    source: "hub",
    message: `${subject}${message}`,
  };
}

const orderWords = {
  pause: { reason: "RolloutPaused", words: "paused it" },
  halt: { reason: "RolloutHalted", words: "halted it" },
  resume: { reason: "RolloutResumed", words: "resumed it" },
  promote: { reason: "RolloutForced", words: "releases it to all that remain" },
  undo: {
    reason: "RolloutUndone",
    words: "undid it; its devices keep the last promoted release until Git says otherwise",
  },
  approve: { reason: "RolloutApproved", words: "approved its next step" },
} as const satisfies Record<OrderName, { reason: string; words: string }>;

export function tellOrder(given: { name: OrderName; operator: string; reason: string }): Tell {
  const { reason, words } = orderWords[given.name];
  const type = given.name === "halt" || given.name === "undo" ? "Warning" : "Normal";
  return { type, reason, message: `${given.operator} ${words}: ${given.reason}` };
}

/** @param halt null: lifted */
export function tellHalt(
  halt: Pick<FleetHalt, "reason"> | null,
  operator: string,
  why: string,
): Tell {
  return halt === null
    ? { type: "Normal", reason: "FleetResumed", message: `${operator} lifted the halt: ${why}` }
    : { type: "Warning", reason: "FleetHalted", message: `${operator} halted the fleet: ${why}` };
}

export function unknownRollout(id: number): FleetError {
  return new FleetError("not_found", {
    message: `no deployment has the rollout ${id} as its newest`,
    hint: "List them with: fleet rollout list",
    subject: String(id),
  });
}

export function meaningless({ id, head }: RolloutRow, name: OrderName): FleetError {
  return new FleetError("state_conflict", {
    message: `rollout ${id} is ${head.state}; ${name} means something only while it is ${statesFor(name).join(", ")}`,
    hint: `See how it stands, and what it waits for: GET /v1/rollouts/${id}.`,
    subject: String(id),
  });
}

/** @param seen index of the step that the person has looked at */
export function anotherStep({ id, head, policy }: RolloutRow, seen = 0): FleetError {
  const present = `step ${head.step + 1} of ${policy.steps.length} (${head.state})`;
  const since = seen < head.step ? "is over" : "comes later, since the rollout began anew";
  return new FleetError("state_conflict", {
    message: `nothing was approved: rollout ${id} is at ${present}, and step ${seen + 1} ${since}`,
    hint: `Look how it stands now, and approve the step that waits then: fleet rollout status ${id}.`,
    subject: String(id),
  });
}
