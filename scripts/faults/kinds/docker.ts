// The Docker Engine is stopped, killed or hung in the middle of an update.
import type { Engine } from "#scripts/faults/engine.ts";
import { dockerWorld } from "#scripts/faults/engine.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import { pause } from "#scripts/faults/until.ts";

const common = {
  needs: ["root", "dockerd"],
  world: dockerWorld,
  alone: true,
  tries: ({ seeds }: Scope) => Math.min(seeds, 20),
} as const;

export const dockerStopped: Fault = {
  ...common,
  name: "docker-stopped",
  says: "Docker is stopped in mid-update and started again later; containers live on, and the update comes.",
  run: (trial) =>
    inMidUpdate(trial, async (engine) => {
      await engine.stop();
      await pause(trial.random.between(2000, 8000));
      await engine.start();
    }),
};

export const dockerRestarted: Fault = {
  ...common,
  name: "docker-restarted",
  says: "Docker is killed in mid-update, several times, and starts again at once, as its service does.",
  run: (trial) =>
    inMidUpdate(trial, async (engine) => {
      for (let times = trial.random.between(1, 3); times > 0; times -= 1) {
        await engine.kill();
        await engine.start();
        await pause(trial.random.between(0, 1500));
      }
    }),
};

export const dockerHung: Fault = {
  ...common,
  name: "docker-hung",
  says: "Docker takes connections and answers nothing (SIGSTOP) in mid-update, and goes on later.",
  run: (trial) =>
    inMidUpdate(trial, async (engine) => {
      engine.pause();
      await pause(trial.random.between(3000, 15_000));
      engine.resume();
    }),
};

async function inMidUpdate(trial: Trial, body: (engine: Engine) => Promise<void>): Promise<void> {
  const { device, world } = trial;
  const { engine } = world;
  if (engine === undefined) throw new TypeError("the world has no Engine of its own");
  const release = await midUpdate(trial);
  await body(engine);
  await device.converged(release, 90_000);
}
