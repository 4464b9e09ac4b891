// The power goes at a step boundary: everything on the device dies, and it boots from a copy of its disk.
import { execFile } from "node:child_process";
import { rename, rm } from "node:fs/promises";
import { promisify } from "node:util";
import { cutAgent, fewCutTries } from "#scripts/faults/cutting.ts";
import type { Fault } from "#scripts/faults/fault.ts";

const run = promisify(execFile);

export const powerCut: Fault = {
  name: "power-cut",
  says: "Agent and workloads die at a step boundary, and the device boots from a copy of its disk.",
  endsWorkload: true,
  tries: fewCutTries,
  run: async (trial) => {
    const { device } = trial;
    const release = await cutAgent(trial);
    await device.cutPower();
    await becomeCopy(device.directory);
    await device.agent.start();
    if (release.quality !== "good") await device.rolledBack(release);
  },
};

/** Under the same path: what was written by then is all that the next boot has. */
async function becomeCopy(directory: string): Promise<void> {
  const [copy, original] = [`${directory}.copy`, `${directory}.original`];
  await run("cp", ["--archive", directory, copy]);
  await rename(directory, original);
  await rename(copy, directory);
  await rm(original, { recursive: true });
}
