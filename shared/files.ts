// Writes that survive a power cut: one rename makes the change, and its directory is synced after it.
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, rename, rm, symlink, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const temporaryMark = ".tmp-";

/** A name beside `path` under which nothing is ever looked for; what a crash leaves is swept up. */
export function temporaryName(path: string): string {
  return `${path}${temporaryMark}${randomBytes(6).toString("hex")}`;
}

export function isTemporary(name: string): boolean {
  return basename(name).includes(temporaryMark);
}

/** The errno name of a system call's failure, e.g. `ENOENT`. */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** The call's result, or undefined when the path is not there. */
export async function ifPresent<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Names in a directory, sorted; none when it is not there. */
export async function namesIn(directory: string): Promise<string[]> {
  return ((await ifPresent(readdir(directory))) ?? []).sort();
}

/** Makes renames, links and new names in this directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Like `mkdir -p`, and durable. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let made = path; made !== dirname(first); made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

/** The file holds the old or the new content at every instant.
 *  @param mode of a new file; 0o600 for secrets */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await writeFileSynced(temporary, data, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** The same for a caller that must not go on before it is on the disk. */
export function writeFileAtomicSync(path: string, data: string, mode = 0o644): void {
  const temporary = temporaryName(path);
  try {
    syncedWith(openSync(temporary, "wx", mode), (handle) => writeFileSync(handle, data));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncedWith(openSync(dirname(path), "r"), () => undefined);
}

function syncedWith(handle: number, write: (handle: number) => void): void {
  try {
    write(handle);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A new file, on the disk when the call returns. Its directory is the caller's to sync. */
export async function writeFileSynced(
  path: string,
  data: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const handle = await open(path, "wx", mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The link points to the old or the new target at every instant. */
export async function replaceLink(path: string, target: string): Promise<void> {
  const temporary = temporaryName(path);
  await symlink(target, temporary);
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

export async function removeLink(path: string): Promise<void> {
  await ifPresent(unlink(path));
  await syncDirectory(dirname(path));
}

/** Removes a tree that was complete under its name without ever showing a part of it there. */
export async function removeTree(path: string): Promise<void> {
  const trash = temporaryName(path);
  if ((await ifPresent(rename(path, trash).then(() => true))) === undefined) return;
  await syncDirectory(dirname(path));
  await sweep(trash);
}

/** Removes whatever a crash has left in this directory under a temporary name. */
export async function sweepTemporaries(directory: string): Promise<void> {
  for (const name of (await namesIn(directory)).filter(isTemporary)) {
    await sweep(join(directory, name));
  }
}

/** A container may have written files as root into a bind mount: what cannot be removed now is left
 *  under its temporary name, in nobody's way, for the next sweep. */
async function sweep(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== "EACCES" && errno !== "EPERM") throw error;
  }
}
