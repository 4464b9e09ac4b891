// The agent stands still in the middle of an update and goes on later, as on a device that thrashes.
import type { Fault } from "#scripts/faults/fault.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import { notSurvived, pause } from "#scripts/faults/until.ts";

export const agentPaused: Fault = {
  name: "agent-paused",
  says: "The agent stands still for some seconds in mid-update (SIGSTOP), and goes on where it was.",
  tries: ({ seeds }) => Math.min(seeds, 20),
  run: async (trial) => {
    const { device, random } = trial;
    const { program } = device.agent;
    const pid = program.pid();
    const release = await midUpdate(trial);
    program.pause();
    await pause(random.between(3000, 12_000));
    program.resume();
    await device.converged(release);
    if (pid === undefined || program.pid() !== pid)
      throw notSurvived("it did not go on, but ended");
  },
};
