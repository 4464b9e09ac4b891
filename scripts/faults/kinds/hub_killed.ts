// SIGKILL to the hub: anywhere on a commit's way, right in its publication, and while journals come in.
import { open } from "node:fs/promises";
import { join } from "node:path";
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { pause, until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(Math.max(2, seeds), 50);

const comeBack = async ({ world, random }: Trial): Promise<void> => {
  await world.hub.program.kill();
  await pause(random.between(0, 3000));
  await world.hub.start();
};

export const hubKilled: Fault = {
  name: "hub-killed",
  says: "The hub is killed at some moment of a commit's way, and starts again some time later.",
  alone: true,
  tries: few,
  run: async (trial) => {
    await trial.device.release("good");
    await pause(trial.random.between(0, 2500));
    await comeBack(trial);
  },
};

export const hubKilledPublishing: Fault = {
  name: "hub-killed-publishing",
  says: "The hub is killed within milliseconds of taking a commit in, while it publishes it.",
  alone: true,
  tries: few,
  run: async (trial) => {
    const { world, device, random } = trial;
    const accepted = await nextLine(join(world.directory, "hub.log"), "CommitAccepted");
    for (const one of world.devices) await one.release("good", { poke: one === device });
    await world.hub.poke();
    await accepted();
    await pause(random.between(0, 60));
    await comeBack(trial);
    await Promise.all(world.devices.map(catchesUp));
  },
};

export const hubKilledIngesting: Fault = {
  name: "hub-killed-ingesting",
  says: "The hub is killed again and again while it takes in what a device has journalled without it.",
  alone: true,
  tries: few,
  run: async (trial) => {
    const { world, device, random } = trial;
    await world.hub.program.kill();
    await device.journalled(5000, 1);
    for (let round = 0; round < 3; round += 1) {
      await world.hub.start();
      await pause(random.between(0, 3000));
      await world.hub.program.kill();
    }
    await world.hub.start();
  },
};

async function catchesUp(device: Device): Promise<void> {
  const [release] = device.releases();
  if (release !== undefined) await device.converged(release);
}

/** @returns waits for a line with the word that is written from now on */
async function nextLine(file: string, word: string): Promise<() => Promise<void>> {
  const handle = await open(file);
  const { size } = await handle.stat();
  let text = "";
  const look = async (): Promise<boolean> => {
    const { buffer, bytesRead } = await handle.read({ position: size + Buffer.byteLength(text) });
    text += buffer.toString("utf8", 0, bytesRead);
    return text.includes(word);
  };
  return async () => {
    await until(`${word} in the hub's log`, look, { limitMs: 30_000, pauseMs: 5 });
    await handle.close();
  };
}
