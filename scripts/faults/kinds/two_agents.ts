// A second agent is started on the data directory of one that runs.
import { readFile } from "node:fs/promises";
import type { Fault } from "#scripts/faults/fault.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import { createProgram } from "#scripts/faults/program.ts";
import { atMost, notSurvived } from "#scripts/faults/until.ts";

const endingMs = 15_000;

export const twoAgents: Fault = {
  name: "two-agents",
  says: "A second agent on the same data directory ends at once, and the first does not notice.",
  tries: ({ seeds }) => Math.min(seeds, 20),
  run: async (trial) => {
    const { device } = trial;
    const first = device.agent.program.pid();
    const logFile = `${device.agent.logFile}.second`;
    const second = createProgram({ entry: "edge/main.ts", logFile });
    await midUpdate(trial);
    second.start({ args: ["--config", device.agent.configFile] });
    await atMost(endingMs, second.gone());
    const stayed = second.running();
    await second.kill();
    if (stayed) throw notSurvived("two agents ran side by side on one data directory");
    const said = await readFile(logFile, "utf8");
    if (!said.includes("holds the lock"))
      throw notSurvived("the second one ended of something else");
    if (first === undefined || device.agent.program.pid() !== first) {
      throw notSurvived("the first agent has ended");
    }
  },
};
