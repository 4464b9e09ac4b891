// Tears what was not synced: of each file, some sectors are as they were written last, and some as before.
import { open, readdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Random } from "./random.ts";

/** What a disk writes as a whole. */
const sectorBytes = 512;

interface Torn {
  /** What lay on the medium. Changed in place. */
  medium: string;
  /** What programs saw, with everything that was in memory only. */
  memory: string;
  random: Random;
}

/** Only writes into blocks that the medium knows as the file's: a disk may have done any of them, in any
 *  order. A file that grew or is new is for the file system's own journal, and was not committed.
 *  @returns how many sectors differ, and came all the same */
export async function tearFiles({ medium, memory, random }: Torn): Promise<number> {
  let torn = 0;
  const entries = await readdir(medium, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    torn += await tearFile(file, join(memory, relative(medium, file)), random);
  }
  return torn;
}

async function tearFile(medium: string, memory: string, random: Random): Promise<number> {
  const live = await open(memory, "r").catch(() => undefined);
  if (live === undefined) return 0;
  const kept = await open(medium, "r+");
  let torn = 0;
  try {
    if ((await live.stat()).ino !== (await kept.stat()).ino) return 0;
    const [before, after] = [await kept.readFile(), await live.readFile()];
    for (let at = 0; at + sectorBytes <= Math.min(before.length, after.length); at += sectorBytes) {
      const sector = after.subarray(at, at + sectorBytes);
      if (sector.equals(before.subarray(at, at + sectorBytes)) || random.next() < 0.5) continue;
      await kept.write(sector, 0, sectorBytes, at);
      torn += 1;
    }
  } finally {
    await live.close();
    await kept.close();
  }
  return torn;
}
