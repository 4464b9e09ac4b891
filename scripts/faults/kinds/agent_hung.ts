// The agent hangs for good in the middle of an update, and its guard ends it.
import type { Fault } from "#scripts/faults/fault.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import { notSurvived, until } from "#scripts/faults/until.ts";

/** Shorter than in the field, longer than any step of these updates. */
const guardMs = 8000;

export const agentHung: Fault = {
  name: "agent-hung",
  says: "The agent hangs for good in mid-update (SIGSTOP); its guard kills it and starts another one.",
  tries: ({ seeds }) => Math.min(seeds, 20),
  run: async (trial) => {
    const { device } = trial;
    const { agent } = device;
    await agent.restart({ guardMs });
    await device.connected();
    const release = await midUpdate(trial);
    const hung = agent.program.innerPid();
    if (hung === undefined || hung === agent.program.pid()) {
      throw notSurvived("there is no agent below the guard");
    }
    process.kill(hung, "SIGSTOP");
    const another = async (): Promise<boolean> => {
      const inner = agent.program.innerPid();
      return inner !== undefined && inner !== hung && inner !== agent.program.pid();
    };
    await until("the guard starts another agent", another, { limitMs: guardMs * 5 });
    await device.converged(release);
    await agent.restart();
  },
};
