// SIGKILL to the whole agent at each step boundary of an update and of a rollback, and between.
import { cutAgent, cutTries } from "#scripts/faults/cutting.ts";
import { dockerWorld } from "#scripts/faults/engine.ts";
import type { Fault } from "#scripts/faults/fault.ts";

const sampledWithContainers = 6;

export const cut: Fault = {
  name: "cut",
  says: "The agent is killed at a step boundary of an update or a rollback; the next one carries on.",
  tries: cutTries,
  run: async (trial) => {
    const release = await cutAgent(trial);
    await trial.device.agent.start();
    if (release.quality !== "good") await trial.device.rolledBack(release);
  },
};

export const cutWithContainers: Fault = {
  ...cut,
  name: "cut-docker",
  says: "The same while the device's services run in containers.",
  needs: ["root", "dockerd"],
  world: dockerWorld,
  tries: (scope) => (scope.sample ? sampledWithContainers : cutTries(scope)),
};
