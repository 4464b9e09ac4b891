// The hub is away for a week, and comes back from an old copy of its database.
import { copyFile, cp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Fault, Scope } from "#scripts/faults/fault.ts";
import { notSurvived, pause, until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 10);
const weekMs = 7 * 24 * 3_600_000;
/** Entries of a week at about one a minute: more than the journal's bound here holds. */
const entriesOfAWeek = 10_000;

export const hubAwayForAWeek: Fault = {
  name: "hub-away-for-a-week",
  says: "The device journals a week without its hub, over its journal's bound; then all that is left of it arrives.",
  alone: true,
  world: { devices: 1, device: { agent: { journalMegabytes: 4 } } },
  tries: few,
  run: async ({ world, device, random }) => {
    await world.hub.program.kill();
    await device.journalled(entriesOfAWeek, weekMs / entriesOfAWeek);
    await pause(random.between(5000, 15_000));
    await world.hub.start();
    await device.converged(await device.release("good"));
    await device.ledger.lost(60_000);
    if (device.ledger.drops() === 0) throw notSurvived("the journal never came to its bound");
  },
};

export const hubRestored: Fault = {
  name: "hub-restored",
  says: "The hub comes back with an old copy of its database, notices it and waits for a word; devices give back what it has lost.",
  alone: true,
  tries: few,
  run: async ({ world, device }) => {
    const { hub } = world;
    const [data, backup] = [hub.dataDirectory, join(world.directory, "backup")];
    await hub.program.stop();
    await cp(data, backup, { recursive: true });
    await hub.start();
    for (let round = 0; round < 3; round += 1) {
      await device.converged(await device.release("good"));
    }
    await device.ledger.lost(30_000);
    await hub.program.kill();
    await rm(join(data, "hub.db-wal"), { force: true });
    await rm(join(data, "hub.db-shm"), { force: true });
    await copyFile(join(backup, "hub.db"), join(data, "hub.db"));
    await rm(backup, { recursive: true });
    for (const one of world.devices) {
      one.forgetGenerations();
      one.ledger.forget();
    }
    await hub.start();
    await until("the hub notices that it is an old copy", hub.isPaused, { limitMs: 60_000 });
    await hub.order("/v1/fleet/pause/end", { reason: "an old copy is all there is" });
  },
};
