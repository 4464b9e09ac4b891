// Mends what leads to an app's current release: the link, the revision's record, the place of its content.
import { lstatSync } from "node:fs";
import { lstat, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import { errnoOf, ifPresent, makeDirectory, replaceLink } from "#shared/files.ts";
import { type AppName, RevisionId } from "#shared/ids.ts";
import type { Layout } from "./layout.ts";
import { recordedSpec } from "./load.ts";
import { isComplete, linkTarget, placeRevision } from "./staging.ts";

/** What else is known of the app than what its directory says. */
export interface MendHint {
  /** What should be current by the journal: the last update that went well. */
  current?: RevisionId;
  /** What the hub wants, and what an open attempt brings. */
  specs: readonly AppSpec[];
}

export interface Mender {
  /** @returns what was mended, in words */
  mend(app: AppName, hint: () => MendHint): Promise<string[]>;
}

export function createMender(layout: Layout): Mender {
  /** How the way to the current release looked when it was whole. */
  const whole = new Map<AppName, string>();
  return {
    mend: async (app, hint) => {
      if (whole.get(app) === lookAt(layout, app)) return [];
      const mended = await mendApp(layout, app, hint());
      whole.set(app, lookAt(layout, app));
      return mended;
    },
  };
}

/** Files inside a release are not its business; a release that is gone altogether gets an empty directory,
 *  so that it counts as current and damaged. */
async function mendApp(layout: Layout, app: AppName, hint: MendHint): Promise<string[]> {
  const link = layout.link(app, "current");
  const named = await revisionAt(link);
  if (named !== undefined && (await isComplete(layout, app, named))) {
    return await mendRecord(layout, app, named, hint);
  }
  const isThere = (await ifPresent(lstat(link))) !== undefined;
  const previous = await revisionAt(layout.link(app, "previous"));
  const candidates = isThere ? [named, hint.current, previous] : [hint.current];
  for (const candidate of candidates.filter((one) => one !== undefined)) {
    // A link that is gone may have been taken away on purpose: only what is all there comes back.
    if (!isThere && !(await isComplete(layout, app, candidate))) continue;
    const mended = await mendRecord(layout, app, candidate, hint);
    if (!(await isComplete(layout, app, candidate))) continue;
    if (candidate === named) return mended;
    await pointCurrent(link, candidate);
    return [...mended, `the link current led to no release; it leads to ${short(candidate)} again`];
  }
  return [];
}

/** Numbers of the inodes on the way, and where the links lead. */
function lookAt(layout: Layout, app: AppName): string {
  const link = layout.link(app, "current");
  const parts = ["", "app.json", "content", "content/."].map((part) => join(link, part));
  return [link, ...parts].map(lookOf).join(" ");
}

function lookOf(path: string): string {
  try {
    const { ino, size, ctimeMs, mode } = lstatSync(path);
    // A directory changes with what is in it, and that is looked at elsewhere.
    return (mode & 0o170000) === 0o040000 ? `${ino}` : `${ino}:${size}:${ctimeMs}`;
  } catch (error) {
    return errnoOf(error) ?? "unknown";
  }
}

async function mendRecord(
  layout: Layout,
  app: AppName,
  revision: RevisionId,
  { specs }: MendHint,
): Promise<string[]> {
  const path = layout.revision(app, revision);
  const wanted = specs.find((one) => revisionOf(one) === revision);
  const spec = (await recordedSpec(layout, app, revision)) ?? wanted;
  if (spec === undefined) return [];
  const mended: string[] = [];
  const release = layout.release(app, spec.release.digest);
  if ((await kindAt(release)) !== "directory") {
    await rm(release, { force: true });
    await makeDirectory(release);
    mended.push(`the directory of release ${short(spec.release.digest)} was gone`);
  }
  if ((await kindAt(path)) === "other") await rm(path, { force: true });
  const before = await ifPresent(stat(join(path, "app.json")));
  await placeRevision(spec, layout);
  const after = await ifPresent(stat(join(path, "app.json")));
  if (before?.ino !== after?.ino)
    mended.push(`the record of revision ${short(revision)} was damaged`);
  return mended;
}

async function pointCurrent(link: string, revision: RevisionId): Promise<void> {
  const stats = await ifPresent(lstat(link));
  if (stats?.isDirectory() === true) await rm(link, { recursive: true });
  await replaceLink(link, `revisions/${revision}`);
}

async function revisionAt(link: string): Promise<RevisionId | undefined> {
  const target = await linkTarget(link);
  return RevisionId.safeParse(target === undefined ? undefined : basename(target)).data;
}

async function kindAt(path: string): Promise<"directory" | "other" | undefined> {
  const stats = await ifPresent(lstat(path));
  if (stats === undefined) return undefined;
  return stats.isDirectory() ? "directory" : "other";
}

function short(id: string): string {
  return id.slice(0, 12);
}
