// Content goes bad on the disk: pages of the journal's database, and files of the current release.
import { chmod, copyFile, mkdtemp, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examine, type Finding } from "#edge/journal/examine.ts";
import type { Device } from "#scripts/faults/device.ts";
import { eventsFrom } from "#scripts/faults/events.ts";
import type { Fault, Scope } from "#scripts/faults/fault.ts";
import { NotStruck } from "#scripts/faults/miss.ts";
import { midUpdate } from "#scripts/faults/moment.ts";
import type { Random } from "#scripts/faults/random.ts";
import { atMost, notSurvived, until } from "#scripts/faults/until.ts";
import { systemClock } from "#shared/clock.ts";
import { ifPresent } from "#shared/files.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);
const pageBytes = 4096;
const limitMs = 30_000;
const agedEntries = 1000;

export const corruptedJournal: Fault = {
  name: "corrupted-journal",
  says: "Pages of a stopped agent's journal are noise: the journal is rebuilt and nothing that runs is touched.",
  tries: few,
  run: async ({ world, device, random, note }) => {
    await aged(device);
    const events = await eventsFrom(world, device);
    await device.agent.program.kill();
    const file = random.pick(["journal.db", "journal.db", "journal.db-wal"]);
    const isUnsound = file === "journal.db";
    if (isUnsound) note(`${await spoilJournal(device, random)} pages of ${file}`);
    else note(`${await spoilPages(join(device.directory, file), random)} pages of ${file}`);
    await device.agent.start();
    await device.connected();
    await device.converged(await device.release("good"));
    const word = (await events.reasons()).find((reason) => reason.startsWith("Journal"));
    note(word ?? "no word of it");
    if (isUnsound && word !== "JournalRebuilt") throw notSurvived("the damage was not noticed");
    if ((await soundness(device)) !== "sound") throw notSurvived("the journal is still damaged");
  },
};

/** A young journal lies in its -wal alone, where noise in the main file hits nothing. What the hub has not got
 *  before is lost with the pages, which no software can help. */
async function aged(device: Device): Promise<void> {
  await device.journalled(agedEntries, 1000);
  if ((await device.ledger.lost(60_000)).length > 0) throw notSurvived("the hub did not catch up");
}

/** Until something is hit that counts: pages may be free, or newer in the -wal.
 *  @returns how many */
async function spoilJournal(device: Device, random: Random): Promise<number> {
  let pages = 0;
  for (let times = 0; times < 20; times += 1) {
    pages += await spoilPages(join(device.directory, "journal.db"), random);
    if ((await soundness(device)) === "damaged") return pages;
  }
  throw new NotStruck(`${pages} pages of noise did not damage the journal`);
}

/** What SQLite says of a copy of the journal; the agent stands still meanwhile. */
async function soundness({ directory, agent }: Device): Promise<Finding["is"]> {
  const copy = await mkdtemp(join(tmpdir(), "fleet-soundness-"));
  try {
    agent.program.pause();
    for (const name of ["journal.db", "journal.db-wal"]) {
      await ifPresent(copyFile(join(directory, name), join(copy, name)));
    }
    agent.program.resume();
    const file = join(copy, "journal.db");
    return (await examine({ file, check: "integrity_check", clock: systemClock, limitMs })).is;
  } finally {
    agent.program.resume();
    await rm(copy, { recursive: true, force: true });
  }
}

export const journalCorruptedWhileRunning: Fault = {
  name: "corrupted-journal-running",
  says: "Pages of the journal become noise under a running agent in mid-update; it, or its next start, rebuilds it.",
  tries: few,
  run: async (trial) => {
    const { world, device, random, note } = trial;
    await aged(device);
    const events = await eventsFrom(world, device);
    await midUpdate(trial);
    note(`${await spoilJournal(device, random)} pages`);
    await atMost(5000, device.agent.program.gone());
    // What the agent has written since may have replaced the noise.
    const isUnsound = (await soundness(device)) === "damaged";
    // The service manager starts it again; one that has not noticed is started again some day.
    await device.agent.restart();
    await device.connected();
    const word = (await events.reasons()).find((reason) => reason.startsWith("Journal"));
    note(word ?? "no word of it");
    if (isUnsound && word === undefined) throw notSurvived("the damage was not noticed");
    if ((await soundness(device)) !== "sound") throw notSurvived("the journal is still damaged");
  },
};

/** What may become of one file. */
const damages = {
  noise: (file, random) => spoilPages(file, random),
  shorter: async (file) => writeFile(file, (await readFile(file)).subarray(0, 40)),
  gone: (file) => rm(file),
  unreadable: (file) => chmod(file, 0o000),
} as const satisfies Record<string, (file: string, random: Random) => Promise<unknown>>;

const damageKinds = Object.keys(damages) as (keyof typeof damages)[];

export const corruptedRelease: Fault = {
  name: "corrupted-release",
  says: "Files of the current release are damaged, cut or removed: they are mended, and what runs is not restarted.",
  tries: (scope) => damageKinds.length * few(scope),
  run: async ({ device, random, seed, note }) => {
    const kind = damageKinds[(seed - 1) % damageKinds.length] ?? "noise";
    const name = random.pick(["steady/server.mjs", "moving/version.txt", "compose.yaml"]);
    note(`${name}: ${kind}`);
    const file = join(device.directory, "apps", device.id, "current", "content", name);
    const before = await describe(file);
    await damages[kind](file, random);
    const mended = async (): Promise<boolean> => (await describe(file)) === before;
    await until(`${name} is mended`, mended, { limitMs: 60_000, pauseMs: 250 });
  },
};

/** Content and permissions. */
async function describe(file: string): Promise<string> {
  return `${(await stat(file)).mode} ${await readFile(file, "latin1")}`;
}

/** Some whole pages of noise, as a worn card gives them back.
 *  @returns how many */
async function spoilPages(file: string, random: Random): Promise<number> {
  const handle = await open(file, "r+");
  try {
    const { size } = await handle.stat();
    const pages = Math.max(1, Math.floor(size / pageBytes));
    const count = random.between(1, Math.max(1, Math.floor(pages / 4)));
    for (let spoilt = 0; spoilt < count; spoilt += 1) {
      const at = random.between(0, pages - 1) * pageBytes;
      await handle.write(noise(Math.min(pageBytes, size - at), random), 0, undefined, at);
    }
    return count;
  } finally {
    await handle.close();
  }
}

function noise(bytes: number, random: Random): Uint8Array {
  return Uint8Array.from({ length: bytes }, () => random.between(0, 255));
}
