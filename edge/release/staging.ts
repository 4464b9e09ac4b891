// Stages an app: unpacks its release, writes its revision and points `next` to it.
import { mkdir, readFile, readlink, realpath, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import {
  errnoOf,
  ifPresent,
  makeDirectory,
  replaceLink,
  syncDirectory,
  temporaryName,
  writeFileAtomic,
  writeFileSynced,
} from "#shared/files.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import { requireWhole } from "./arrival.ts";
import { nameOf } from "./bundles.ts";
import { diskError, requireSpace, type StatDisk } from "./disk.ts";
import type { Layout } from "./layout.ts";
import type { Manifest } from "./manifest.ts";
import { restoreFiles } from "./restore.ts";
import { manifestFor, recordManifest } from "./truth.ts";
import { unpack } from "./unpack.ts";
import { compareFully } from "./verify.ts";

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

/** A release that is there already may have been damaged since. */
async function placeRelease(spec: AppSpec, options: StagingOptions): Promise<void> {
  const { layout } = options;
  const { name, release } = spec;
  if ((await ifPresent(stat(layout.release(name, release.digest)))) !== undefined) {
    return await repairInPlace(layout, spec);
  }
  const manifest = await recordManifest(layout, name, release);
  await unpackRelease(spec, manifest, options);
}

async function repairInPlace(layout: Layout, { name, release }: AppSpec): Promise<void> {
  const directory = layout.release(name, release.digest);
  const manifest = await manifestFor(layout, name, release);
  const { findings } = await compareFully(directory, manifest);
  if (findings.length === 0) return;
  const serves = await ifPresent(realpath(join(layout.link(name, "current"), "content")));
  const isCurrent = serves === (await realpath(directory));
  const sound = await recordManifest(layout, name, release);
  await restoreFiles(findings, {
    directory,
    manifest: sound,
    bundle: layout.bundle(release.digest),
    subject: nameOf(release),
    // What serves may have made files of its own.
    keeps: () => isCurrent,
  });
}

/** From the bundle, whose content was inspected. */
async function unpackRelease(
  { name, release }: AppSpec,
  { files }: Manifest,
  { layout, reserveBytes, statDisk }: StagingOptions,
): Promise<void> {
  const path = layout.release(name, release.digest);
  const subject = nameOf(release);
  const need = { directory: layout.apps, bytes: release.size, reserveBytes, subject };
  await requireSpace(need, statDisk);
  await makeDirectory(layout.releases(name));
  await place(path, async (temporary) => {
    await unpack(layout.bundle(release.digest), temporary, { subject });
    await requireWhole(temporary, files);
  });
}

export async function placeRevision(spec: AppSpec, layout: Layout): Promise<void> {
  const path = layout.revision(spec.name, revisionOf(spec));
  const text = `${JSON.stringify(spec, null, 2)}\n`;
  const [file, link] = [join(path, "app.json"), join(path, "content")];
  await keepCopy(layout.specCopy(spec.name, revisionOf(spec)), text);
  if ((await ifPresent(stat(path))) !== undefined) {
    // The same content and values by another commit: only the commit is written anew.
    if ((await ifPresent(readFile(file, "utf8"))) !== text) await writeFileAtomic(file, text);
    if ((await linkTarget(link)) !== contentLink(spec)) await relink(link, contentLink(spec));
    return;
  }
  await makeDirectory(layout.revisions(spec.name));
  await place(path, async (temporary) => {
    await writeFileSynced(join(temporary, "app.json"), text);
    await symlink(contentLink(spec), join(temporary, "content"));
    await syncDirectory(temporary);
  });
}

async function keepCopy(copy: string, text: string): Promise<void> {
  if ((await ifPresent(readFile(copy, "utf8"))) === text) return;
  await makeDirectory(dirname(copy));
  await writeFileAtomic(copy, text);
}

/** Where a link leads; undefined when there is none, whatever stands in its place. */
export async function linkTarget(link: string): Promise<string | undefined> {
  return readlink(link).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR", "EINVAL"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  });
}

/** Whatever stands in the link's place is of nobody. */
async function relink(link: string, target: string): Promise<void> {
  if ((await linkTarget(link)) === undefined) await rm(link, { recursive: true, force: true });
  await replaceLink(link, target);
}

function contentLink({ release }: AppSpec): string {
  return `../../releases/${release.digest}`;
}

/** A directory that appears under its name when all of it is on the disk. */
async function place(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  await mkdir(temporary);
  try {
    await fill(temporary);
    await rename(temporary, path);
  } catch (error) {
    // Files may still be on their way into it. What stays is swept away later; the first error says why.
    const patience = { maxRetries: 5, retryDelay: 50 };
    await rm(temporary, { recursive: true, force: true, ...patience }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}
