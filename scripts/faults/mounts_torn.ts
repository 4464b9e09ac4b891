// Finds what was not synced, and tears it: of each file, some sectors are as written last, and some as before.
import { open, readdir, readFile, readlink } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Random } from "./random.ts";

/** What a disk writes as a whole. */
const sectorBytes = 512;

interface Both {
  /** What lay on the medium. */
  medium: string;
  /** What programs saw, with everything that was in memory only. */
  memory: string;
}

/** Files and links that are not on the medium as programs saw them, and by how many bytes they differ. */
export async function lossIn(both: Both): Promise<{ files: number; bytes: number }> {
  const [before, after] = [await contentsOf(both.medium), await contentsOf(both.memory)];
  const names = new Set([...before.keys(), ...after.keys()]);
  const lost = [...names].map((name) => differingBytes(before.get(name), after.get(name)));
  return {
    files: lost.filter((bytes) => bytes !== undefined).length,
    bytes: lost.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0),
  };
}

/** Of files their bytes, of links where they lead, by path. */
async function contentsOf(directory: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const read = entry.isFile() ? readFile : entry.isSymbolicLink() ? target : undefined;
    // A program may have removed it by now.
    const content = await read?.(path).catch(() => undefined);
    if (content !== undefined) found.set(relative(directory, path), content);
  }
  return found;
}

async function target(link: string): Promise<Buffer> {
  return Buffer.from(await readlink(link));
}

/** Undefined when both are the same. Pure. */
function differingBytes(before: Buffer | undefined, after: Buffer | undefined): number | undefined {
  if (before === undefined || after === undefined) return (before ?? after)?.length;
  if (before.equals(after)) return undefined;
  const common = Math.min(before.length, after.length);
  let bytes = Math.abs(before.length - after.length);
  for (let at = 0; at < common; at += 1) if (before[at] !== after[at]) bytes += 1;
  return bytes;
}

/** The medium is changed in place. */
interface Torn extends Both {
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
  try {
    if ((await live.stat()).ino !== (await kept.stat()).ino) return 0;
    const [before, after] = [await kept.readFile(), await live.readFile()];
    const came = some(differingSectors(before, after), random);
    for (const at of came) await kept.write(after, at, sectorBytes, at);
    return came.length;
  } finally {
    await live.close();
    await kept.close();
  }
}

/** Where they begin. Pure. */
function differingSectors(before: Buffer, after: Buffer): number[] {
  const whole = Math.floor(Math.min(before.length, after.length) / sectorBytes);
  return Array.from({ length: whole }, (_, number) => number * sectorBytes).filter(
    (at) => before.compare(after, at, at + sectorBytes, at, at + sectorBytes) !== 0,
  );
}

/** About half of them, and one at the least. */
function some(list: readonly number[], random: Random): number[] {
  const [first, ...others] = random.shuffle(list);
  return first === undefined ? [] : [first, ...others.filter(() => random.next() < 0.5)];
}
