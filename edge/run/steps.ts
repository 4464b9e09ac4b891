// One executor for each kind of step that a plan can have.
import type { Executors } from "./port.ts";
import { createContactSteps } from "./steps/contact.ts";
import { createNetworkStep } from "./steps/network.ts";
import type { StepParts } from "./steps/parts.ts";
import { createReboot } from "./steps/reboot.ts";
import { createReleaseSteps } from "./steps/release.ts";
import { createRestSteps } from "./steps/rest.ts";
import { createScript } from "./steps/script.ts";
import { createWipe } from "./steps/wipe.ts";

export function createRunSteps(parts: StepParts): Executors {
  return {
    ...createRestSteps(parts),
    ...createContactSteps(parts),
    ...createReleaseSteps(parts),
    reboot: createReboot(parts),
    configureNetwork: createNetworkStep(parts),
    wipe: createWipe(parts),
    script: createScript(parts),
  };
}
