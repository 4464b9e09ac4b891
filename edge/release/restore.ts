// Puts damaged files of a release back as the bundle has them, one rename each.
import { createReadStream } from "node:fs";
import { chmod, type FileHandle, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { byCodeUnit } from "#shared/canonical.ts";
import { errnoOf, ifPresent, syncDirectory, temporaryName } from "#shared/files.ts";
import { requireWhole } from "./arrival.ts";
import { directoryMode, type Manifest, type ManifestFile, parentOf } from "./manifest.ts";
import { unpack } from "./unpack.ts";
import type { FileFinding } from "./verify.ts";

interface Restoring {
  /** The unpacked release. */
  directory: string;
  manifest: Manifest;
  /** A bundle that was inspected and is the manifest's. */
  bundle: string;
  subject: string;
  /** Whether a stranger at this path is left alone: it may be data of what runs there. */
  keeps: (path: string) => boolean;
}

/** A reader sees the damaged or the true file at every instant. May be repeated.
 *  @throws FleetError bundle_invalid, disk_short, release_damaged */
export async function restoreFiles(
  findings: readonly FileFinding[],
  restoring: Restoring,
): Promise<void> {
  const { directory, manifest, keeps } = restoring;
  const faults = new Map(findings.map(({ path, fault }) => [path === "." ? "" : path, fault]));
  const extras = findings.filter(({ path, fault }) => fault === "extra" && !keeps(path));
  for (const { path } of extras) await rm(join(directory, path), { recursive: true, force: true });
  const all = ["", ...manifest.directories];
  const anew = all.filter((path) => faults.has(path) && faults.get(path) !== "mode");
  const isBelow = (path: string): boolean => anew.some((made) => path.startsWith(`${made}/`));
  const isMeant = (path: string): boolean => faults.has(path) || isBelow(path);
  const directories = all.filter(isMeant);
  // Parents first.
  for (const path of directories.sort(byCodeUnit)) await restoreDirectory(join(directory, path));
  const files = manifest.files.filter(({ path }) => isMeant(path));
  await restoreModes(files, faults, restoring);
  await restoreContents(
    files.filter(({ path }) => faults.get(path) !== "mode"),
    restoring,
  );
  const touched = [...extras, ...directories.map((path) => ({ path })), ...files];
  const parents = new Set(touched.map(({ path }) => (path === "" ? directory : parentOf(path))));
  for (const parent of parents) await syncDirectory(resolve(directory, parent));
}

async function restoreDirectory(path: string): Promise<void> {
  const stats = await ifPresent(lstat(path));
  if (stats?.isDirectory() !== true) {
    await rm(path, { force: true });
    await mkdir(path, { recursive: true });
  }
  await chmod(path, directoryMode);
}

async function restoreModes(
  files: readonly ManifestFile[],
  faults: ReadonlyMap<string, FileFinding["fault"]>,
  { directory }: Restoring,
): Promise<void> {
  for (const { path, mode } of files) {
    if (faults.get(path) === "mode") await chmod(join(directory, path), mode);
  }
}

async function restoreContents(
  files: readonly ManifestFile[],
  { directory, bundle, subject }: Restoring,
): Promise<void> {
  if (files.length === 0) return;
  const source = temporaryName(directory);
  await mkdir(source);
  try {
    await unpack(bundle, source, { subject, wanted: new Set(files.map(({ path }) => path)) });
    await requireWhole(source, files);
    for (const { path } of files) await putInPlace(join(source, path), join(directory, path));
  } finally {
    await rm(source, { recursive: true, force: true });
  }
}

/** A container that mounts this one file goes on seeing the inode that was there when it started. Where
 *  someone wrote into that very inode, the rename alone would leave the container with the changed text. */
async function putInPlace(from: string, to: string): Promise<void> {
  const stats = await ifPresent(lstat(to));
  const before = stats?.isFile() === true ? await openForRepair(to) : undefined;
  try {
    if (stats?.isDirectory() === true) await rm(to, { recursive: true });
    await rename(from, to);
    if (before === undefined || (await before.stat()).nlink > 0) return;
    await copyInto(before, to);
  } finally {
    await before?.close();
  }
}

async function copyInto(target: FileHandle, from: string): Promise<void> {
  let position = 0;
  for await (const chunk of createReadStream(from)) {
    const bytes = chunk as Buffer;
    await target.write(bytes, 0, bytes.length, position);
    position += bytes.length;
  }
  await target.truncate(position);
  await target.sync();
}

/** A program that runs cannot be written to, and a disk with a bad block may not let it be opened. */
async function openForRepair(path: string): Promise<FileHandle | undefined> {
  return open(path, "r+").catch((error: unknown) => {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  });
}
