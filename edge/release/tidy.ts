// Clears an app's directory of what neither a link nor a running instance needs.
import { readlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { ifPresent, namesIn, removeLink, removeTree, sweepTemporaries } from "#shared/files.ts";
import { AppName } from "#shared/ids.ts";
import type { Layout } from "./layout.ts";
import { readApp } from "./links.ts";

/** @param inUse digests that running instances still have files of */
export async function tidyApp(
  layout: Layout,
  app: AppName,
  inUse: ReadonlySet<string>,
): Promise<void> {
  if ((await namesIn(layout.app(app))).length === 0) return;
  const { current, previous } = await readApp(layout, app);
  await removeLink(layout.link(app, "next"));
  const revisions = new Set<string>([current, previous].filter((kept) => kept !== undefined));
  await keepOnly(layout.revisions(app), revisions);
  const releases = await releasesOf(layout, app);
  const digests = releases.union(inUse);
  await keepOnly(layout.releases(app), digests);
  const records = [
    ...[...digests].map((digest) => layout.manifest(app, digest)),
    ...[...revisions].map((revision) => layout.specCopy(app, revision)),
  ];
  await keepOnly(layout.records(app), new Set(records.map((path) => basename(path))));
  for (const directory of [layout.app(app), layout.apps]) await sweepTemporaries(directory);
}

/** Digests that the app's revisions name. */
async function releasesOf(layout: Layout, app: AppName): Promise<Set<string>> {
  const digests = new Set<string>();
  const revisions = layout.revisions(app);
  for (const name of await namesIn(revisions)) {
    const target = await ifPresent(readlink(join(revisions, name, "content")));
    if (target !== undefined) digests.add(basename(target));
  }
  return digests;
}

async function keepOnly(directory: string, kept: ReadonlySet<string>): Promise<void> {
  await sweepTemporaries(directory);
  for (const name of await namesIn(directory)) {
    if (!kept.has(name)) await removeTree(join(directory, name));
  }
}

/** Digests of all releases that are unpacked here, whichever app has them. */
export async function unpackedDigests(layout: Layout): Promise<Set<string>> {
  const digests = new Set<string>();
  for (const name of await namesIn(layout.apps)) {
    const app = AppName.safeParse(name);
    if (!app.success) continue;
    for (const digest of await namesIn(layout.releases(app.data))) digests.add(digest);
  }
  return digests;
}
