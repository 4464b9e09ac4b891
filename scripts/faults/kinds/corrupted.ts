// Content goes bad on the disk: pages of the journal's database, and files of the current release.
import { chmod, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Fault, Scope } from "#scripts/faults/fault.ts";
import type { Random } from "#scripts/faults/random.ts";
import { atMost, pause, until } from "#scripts/faults/until.ts";

const few = ({ seeds }: Scope): number => Math.min(seeds, 20);
const pageBytes = 4096;

export const corruptedJournal: Fault = {
  name: "corrupted-journal",
  says: "Pages of a stopped agent's journal are noise: the journal is rebuilt and nothing that runs is touched.",
  tries: few,
  run: async ({ device, random, note }) => {
    // What the hub has not got before is lost with the pages, which no software can help.
    await device.ledger.lost(30_000);
    await device.agent.program.kill();
    const file = random.pick(["journal.db", "journal.db", "journal.db-wal"]);
    note(`${await spoilPages(join(device.directory, file), random)} pages of ${file}`);
    await device.agent.start();
    await device.connected();
    await device.converged(await device.release("good"));
  },
};

export const journalCorruptedWhileRunning: Fault = {
  name: "corrupted-journal-running",
  says: "Pages of the journal become noise under a running agent in mid-update; it, or its next start, rebuilds it.",
  tries: few,
  run: async ({ device, random, note }) => {
    await device.ledger.lost(30_000);
    await device.release("good");
    await pause(random.between(0, 3000));
    const pages = await spoilPages(join(device.directory, "journal.db"), random);
    note(`${pages} pages`);
    await atMost(5000, device.agent.program.gone());
    // The service manager starts it again; one that has not noticed is started again some day.
    await device.agent.restart();
    await device.connected();
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
