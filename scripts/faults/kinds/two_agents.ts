// A second agent is started on the data directory of one that runs.
import type { Fault } from "#scripts/faults/fault.ts";
import { createProgram } from "#scripts/faults/program.ts";
import { atMost, notSurvived, pause } from "#scripts/faults/until.ts";

const endingMs = 15_000;

export const twoAgents: Fault = {
  name: "two-agents",
  says: "A second agent on the same data directory ends at once, and the first does not notice.",
  tries: ({ seeds }) => Math.min(seeds, 20),
  run: async ({ device, random }) => {
    const second = createProgram({
      entry: "edge/main.ts",
      logFile: `${device.agent.logFile}.second`,
    });
    await device.release("good");
    await pause(random.between(0, 2000));
    second.start({ args: ["--config", device.agent.configFile] });
    await atMost(endingMs, second.gone());
    const stayed = second.running();
    await second.kill();
    if (stayed) throw notSurvived("two agents ran side by side on one data directory");
    if (!device.agent.program.running()) throw notSurvived("the first agent has ended");
  },
};
