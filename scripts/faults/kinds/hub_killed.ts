// SIGKILL to the hub: anywhere on a commit's way, right in its publication, and while journals come in.
import { open } from "node:fs/promises";
import { join } from "node:path";
import { numberInBacklog } from "#scripts/faults/backlog.ts";
import type { Device } from "#scripts/faults/device.ts";
import type { Fault, Scope, Trial } from "#scripts/faults/fault.ts";
import { atMost, notSurvived, pause, until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(Math.max(2, seeds), 50);

const publishingMs = 30_000;
/** Entries that the device has for a hub that was away. */
const backlog = 5000;
const ingestingMs = 60_000;

export const hubKilled: Fault = {
  name: "hub-killed",
  says: "The hub is killed at some moment of a commit's way, and starts again some time later.",
  alone: true,
  tries: few,
  run: async (trial) => {
    const { world, device, random, note } = trial;
    await device.release("good");
    const afterMs = random.between(0, 2500);
    note(`${afterMs} ms after a commit`);
    await pause(afterMs);
    await world.hub.program.kill();
    await pause(random.between(0, 3000));
    await world.hub.start();
  },
};

export const hubKilledPublishing: Fault = {
  name: "hub-killed-publishing",
  says: "The hub is killed between storing and publishing what it has made of a commit, or within milliseconds of it.",
  alone: true,
  tries: few,
  run: async (trial) => {
    if (trial.seed % 2 === 1) await killedAtPublication(trial);
    else await killedAboutPublication(trial);
    await trial.world.hub.start();
    await Promise.all(trial.world.devices.map(catchesUp));
  },
};

/** It has stored what it has decided, and has told nobody. */
async function killedAtPublication({ world, note }: Trial): Promise<void> {
  const { program } = world.hub;
  note("stored, not published");
  await program.kill();
  for (const one of world.devices) await one.release("good", { poke: false });
  world.hub.startArmed("before:publish");
  await atMost(publishingMs, program.gone());
  if (program.endedBy() !== "SIGKILL") throw notSurvived("the hub never came to its publication");
}

async function killedAboutPublication({ world, random, note }: Trial): Promise<void> {
  const accepted = await nextLine(join(world.directory, "hub.log"), "CommitAccepted");
  for (const one of world.devices) await one.release("good", { poke: false });
  await world.hub.poke();
  await accepted();
  const afterMs = random.between(0, 60);
  note(`${afterMs} ms after it took the commit in`);
  await pause(afterMs);
  await world.hub.program.kill();
  await pause(random.between(0, 3000));
}

export const hubKilledIngesting: Fault = {
  name: "hub-killed-ingesting",
  says: "The hub is killed between storing and acknowledging what a device has journalled without it, and at some moment of the rest.",
  world: { devices: 1 },
  tries: few,
  run: async (trial) => {
    const { hub } = trial.world;
    await hub.program.kill();
    await trial.device.journalled(backlog, 1);
    hub.startArmed("before:acknowledge");
    await atMost(ingestingMs, hub.program.gone());
    if (hub.program.endedBy() !== "SIGKILL") {
      throw notSurvived("the hub never came to an acknowledgement");
    }
    await hub.start();
    const { stored, taken } = await takenIn(trial);
    await hub.program.kill();
    trial.note(`${stored} stored, not acknowledged; then with ${taken} of ${backlog} taken in`);
    await hub.start();
  },
};

/** Waits for some moment after more has come in than the first kill left.
 *  @returns how many the hub had and has, at the least */
async function takenIn({
  world: { hub },
  device,
  random,
}: Trial): Promise<{ stored: number; taken: number }> {
  const newest = async (): Promise<number> => {
    const { items } = await hub.journal(device.id);
    return Math.max(0, ...items.map((entry) => numberInBacklog(entry) ?? 0));
  };
  const stored = await newest();
  const more = async (): Promise<boolean> => (await newest()) > stored || stored === backlog;
  await until("the hub takes entries in", more, { limitMs: ingestingMs, pauseMs: 10 });
  await pause(random.between(0, 1500));
  return { stored, taken: await newest() };
}

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
