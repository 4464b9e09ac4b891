// The agent stands still in the middle of an update and goes on later, as on a device that thrashes.
import type { Fault } from "#scripts/faults/fault.ts";
import { pause } from "#scripts/faults/until.ts";

export const agentPaused: Fault = {
  name: "agent-paused",
  says: "The agent stands still for some seconds in mid-update (SIGSTOP), and goes on where it was.",
  tries: ({ seeds }) => Math.min(seeds, 20),
  run: async ({ device, random }) => {
    await device.release("good");
    await pause(random.between(0, 2500));
    device.agent.program.pause();
    await pause(random.between(3000, 12_000));
    device.agent.program.resume();
  },
};
