// Stages an app: unpacks its release, writes its revision and points `next` to it.
import { mkdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import {
  ifPresent,
  makeDirectory,
  replaceLink,
  syncDirectory,
  temporaryName,
  writeFileAtomic,
  writeFileSynced,
} from "#shared/files.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import { corrupt, nameOf } from "./bundles.ts";
import { diskError, requireSpace, type StatDisk } from "./disk.ts";
import type { Layout } from "./layout.ts";
import { unpack } from "./unpack.ts";

interface StagingOptions {
  layout: Layout;
  reserveBytes: number;
  statDisk: StatDisk;
}

/** Each part is made under a temporary name and renamed when it is whole, so what has a final name is
 *  complete and a repetition skips it.
 *  @throws FleetError bundle_invalid, bundle_corrupt when the bundle is gone, disk_short */
export async function stageApp(spec: AppSpec, options: StagingOptions): Promise<void> {
  const { layout } = options;
  const { name } = spec;
  await makeDirectory(layout.releases(name));
  await makeDirectory(layout.revisions(name));
  try {
    await placeRelease(spec, options);
    await placeRevision(spec, layout);
    await replaceLink(layout.link(name, "next"), `revisions/${revisionOf(spec)}`);
  } catch (error) {
    throw diskError(error, layout.app(name));
  }
}

/** Whether the revision and the release that it names are on the disk. */
export async function isComplete(
  layout: Layout,
  app: AppName,
  revision: RevisionId,
): Promise<boolean> {
  const directory = layout.revision(app, revision);
  const spec = await ifPresent(stat(join(directory, "app.json")));
  const content = await ifPresent(stat(join(directory, "content")));
  return spec !== undefined && content?.isDirectory() === true;
}

async function placeRelease(spec: AppSpec, options: StagingOptions): Promise<void> {
  const { layout, reserveBytes, statDisk } = options;
  const { digest, size } = spec.release;
  const path = layout.release(spec.name, digest);
  if ((await ifPresent(stat(path))) !== undefined) return;
  const bundle = layout.bundle(digest);
  if ((await ifPresent(stat(bundle))) === undefined)
    throw corrupt(spec.release, "is not on the disk");
  const subject = nameOf(spec.release);
  const need = { directory: layout.apps, bytes: size, reserveBytes, subject };
  await requireSpace(need, statDisk);
  await place(path, (temporary) => unpack(bundle, temporary, subject));
}

async function placeRevision(spec: AppSpec, layout: Layout): Promise<void> {
  const path = layout.revision(spec.name, revisionOf(spec));
  const text = `${JSON.stringify(spec, null, 2)}\n`;
  const file = join(path, "app.json");
  const before = await ifPresent(readFile(file, "utf8"));
  if (before === text) return;
  // The same content and values by another commit: only the commit is written anew.
  if (before !== undefined) return await writeFileAtomic(file, text);
  await place(path, async (temporary) => {
    await writeFileSynced(join(temporary, "app.json"), text);
    await symlink(`../../releases/${spec.release.digest}`, join(temporary, "content"));
    await syncDirectory(temporary);
  });
}

/** A directory that appears under its name when all of it is on the disk. */
async function place(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  await mkdir(temporary);
  try {
    await fill(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}
