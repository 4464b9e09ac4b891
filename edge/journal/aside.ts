// Puts a journal that cannot be used out of the way, under a name that tells, and keeps few of them.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { FleetError } from "#shared/errors.ts";

/** How many a person may still want to look at. */
const kept = 2;

const parts = ["", "-wal", "-shm"] as const;

/** Written when a running agent met damage that the check at the start may not see. */
function markFile(file: string): string {
  return `${file}.found-damaged`;
}

/** Best effort: without it the check at the next start decides. */
export function markDamaged(file: string, finding: string): void {
  try {
    writeFileSync(markFile(file), finding, { mode: 0o600, flush: true });
    syncDirectory(dirname(file));
  } catch {
    return;
  }
}

export function damageMark(file: string): string | undefined {
  try {
    return readFileSync(markFile(file), "utf8");
  } catch {
    return undefined;
  }
}

/** Renames the file with its -wal and -shm, so that it takes no more space than before.
 *  @param neededBytes what the new journal may need; older ones go until so much is free
 *  @returns the new name, or undefined when nothing was there
 *  @throws FleetError journal_unusable */
export function setAside(file: string, neededBytes: number): string | undefined {
  try {
    return moveAll(file, neededBytes);
  } catch (cause) {
    throw new FleetError("journal_unusable", {
      message: `the damaged journal ${file} cannot be moved aside`,
      hint: "Check whether its file system is mounted read-only: dmesg shows the disk's errors.",
      retry: "later",
      subject: file,
      cause,
    });
  }
}

/** The file itself first: a -wal without it is nothing that anyone would open. The mark last: until it is
 *  gone, the next start goes on here. */
function moveAll(file: string, neededBytes: number): string | undefined {
  const name = `${file}.damaged-${Math.max(0, ...numbers(file)) + 1}`;
  const moved = parts.filter((part) => existsSync(`${file}${part}`));
  for (const part of moved) renameSync(`${file}${part}`, `${name}${part}`);
  rmSync(markFile(file), { force: true });
  syncDirectory(dirname(file));
  for (const number of numbers(file).slice(kept)) remove(file, number);
  if (freeBytes(file) < neededBytes) removeSetAside(file);
  return moved.length === 0 ? undefined : name;
}

/** @returns whether there was any */
export function removeSetAside(file: string): boolean {
  try {
    const found = numbers(file);
    for (const number of found) remove(file, number);
    return found.length > 0;
  } catch {
    return false;
  }
}

/** Of those set aside, the newest first. Numbers, because a Pi's clock may stand at 1970. */
function numbers(file: string): number[] {
  const prefix = `${basename(file)}.damaged-`;
  const found = readdirSync(dirname(file))
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number.parseInt(name.slice(prefix.length), 10));
  return [...new Set(found)].filter(Number.isSafeInteger).sort((a, b) => b - a);
}

function remove(file: string, number: number): void {
  for (const part of parts) rmSync(`${file}.damaged-${number}${part}`, { force: true });
}

function freeBytes(file: string): number {
  const { bavail, bsize } = statfsSync(dirname(file));
  return bavail * bsize;
}

function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
