// What the executors of a run's steps work with.

import type { AgentParts } from "#edge/agent/parts.ts";
import type { Tasks } from "#edge/agent/tasks.ts";
import { FleetError } from "#shared/errors.ts";

export interface StepParts {
  parts: AgentParts;
  /** For what takes long; a key begins with the try's. */
  tasks: Tasks;
}

/** This try cannot become good any more. */
export function stepFailed(message: string, subject: string, hint?: string): FleetError {
  return new FleetError("step_failed", {
    ...{ message, subject },
    ...(hint === undefined ? {} : { hint }),
  });
}
