// The steps waitForDevice and enrol: the hub has answered this device since the step began.
import type { Executors, StepContext, Verdict } from "#edge/run/port.ts";
import type { StepParts } from "./parts.ts";

export function createContactSteps({
  parts,
}: StepParts): Pick<Executors, "waitForDevice" | "enrol"> {
  const act = async ({ lookedSinceMs, waitsFor }: StepContext): Promise<Verdict> => {
    const { lastContactMonotonicMs: heardMs, problem } = parts.sync.status();
    if (heardMs !== undefined && heardMs > lookedSinceMs) return "done";
    waitsFor(`the hub's answer${problem === undefined ? "" : `: ${problem}`}`);
    return "acting";
  };
  // An answer is given to an identity that the hub knows, and to no other.
  return { waitForDevice: { act }, enrol: { act } };
}
