// The power goes and takes with it what was not synced: whole writes are lost, others are torn in the middle.
import { join } from "node:path";
import { wearJournal } from "#scripts/faults/backlog.ts";
import { cutAgent, cutTries } from "#scripts/faults/cutting.ts";
import type { Release } from "#scripts/faults/device.ts";
import { eventsFrom } from "#scripts/faults/events.ts";
import type { Fault, Trial } from "#scripts/faults/fault.ts";
import { NotStruck } from "#scripts/faults/miss.ts";
import { onOwnDisk } from "#scripts/faults/mounts.ts";
import { killingAtCall } from "#scripts/faults/strace.ts";
import { atMost, notSurvived } from "#scripts/faults/until.ts";

/** What the agent says when its journal has lost what it had kept. */
const losses = new Set(["JournalRebuilt", "JournalRolledBack", "JournalVolatile"]);

const sampled = 8;
/** Enough for its -wal to begin anew. */
const wornEntries = 300;
/** An update syncs the journal more often than this. */
const latestSync = 12;
const dyingMs = 60_000;

export const tornWrites: Fault = {
  name: "torn-writes",
  says: "The power goes in mid-update, or while the journal is written: unsynced writes are lost or torn, and the device boots from what is left.",
  needs: ["root", "loop devices", "strace"],
  endsWorkload: true,
  world: onOwnDisk,
  tries: (scope) => (scope.sample ? sampled : cutTries(scope)),
  run: async (trial) => {
    const { world, device, random, seed, tally } = trial;
    const disk = world.diskOf(device);
    const isInWrite = seed % 2 === 0;
    if (isInWrite) await worn(trial);
    const events = await eventsFrom(world, device);
    const release = isInWrite ? await cutInWrite(trial) : await cutAgent(trial);
    const image = await disk.snapshot();
    await device.cutPower();
    const isTorn = isInWrite || random.next() < 0.5;
    const { files, bytes, tornSectors } = await disk.lose(image, isTorn ? random : undefined);
    tally("unsynced files", files);
    tally("bytes of them lost or torn", bytes);
    tally("torn sectors", tornSectors);
    if (isInWrite && tornSectors === 0) throw new NotStruck("nothing was torn");
    await disk.boot(image);
    await device.agent.start();
    await device.settled(release);
    const loss = (await events.reasons()).find((reason) => losses.has(reason));
    if (loss !== undefined) throw notSurvived(`after the power cut the journal said ${loss}`);
  },
};

async function worn({ device }: Trial): Promise<void> {
  await device.agent.program.kill();
  await wearJournal(device.directory, wornEntries);
  await device.agent.start();
  await device.connected();
}

/** The agent dies between a write of its journal and the sync after it. */
async function cutInWrite({ device, random, note }: Trial): Promise<Release> {
  const { program } = device.agent;
  const pid = program.innerPid();
  if (pid === undefined) throw notSurvived("there is no agent");
  const number = random.between(1, latestSync);
  const file = join(device.directory, "journal.db-wal");
  note(`at sync ${number} of the journal`);
  let release: Release | undefined;
  await killingAtCall(pid, { calls: "fsync,fdatasync", file, number }, async () => {
    release = await device.release("good");
    await atMost(dyingMs, program.gone());
  });
  if (program.endedBy() !== "SIGKILL" || release === undefined) {
    throw new NotStruck("the agent was not killed in a write");
  }
  return release;
}
