// The power goes and takes with it what was not synced: whole writes are lost, others are torn in the middle.
import { cutAgent, cutTries } from "#scripts/faults/cutting.ts";
import { eventsFrom } from "#scripts/faults/events.ts";
import type { Fault } from "#scripts/faults/fault.ts";
import { onOwnDisk } from "#scripts/faults/mounts.ts";
import { notSurvived } from "#scripts/faults/until.ts";

/** What the agent says when its journal has lost what it had kept. */
const losses = new Set(["JournalRebuilt", "JournalRolledBack", "JournalVolatile"]);

const sampled = 8;

export const tornWrites: Fault = {
  name: "torn-writes",
  says: "The power goes in mid-update: unsynced writes are lost or torn, and the device boots from what is left.",
  needs: ["root", "loop devices"],
  endsWorkload: true,
  world: onOwnDisk,
  tries: (scope) => (scope.sample ? sampled : cutTries(scope)),
  run: async (trial) => {
    const { world, device, random, note } = trial;
    const disk = world.diskOf(device);
    const events = await eventsFrom(world, device);
    const release = await cutAgent(trial);
    const image = await disk.snapshot();
    await device.cutPower();
    const torn = random.next() < 0.5 ? 0 : await disk.tear(image, random);
    note(torn === 0 ? "unsynced writes lost" : `${torn} sectors torn`);
    await disk.boot(image);
    await device.agent.start();
    if (release.quality === "good") await device.converged(release);
    else await device.rolledBack(release);
    const loss = (await events.reasons()).find((reason) => losses.has(reason));
    if (loss !== undefined) throw notSurvived(`after the power cut the journal said ${loss}`);
  },
};
