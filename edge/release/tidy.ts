// Clears an app's directory of what neither a link nor a running instance needs.
import { basename, join } from "node:path";
import { namesIn, removeLink, removeTree, sweepTemporaries } from "#shared/files.ts";
import { AppName, RevisionId } from "#shared/ids.ts";
import type { Layout } from "./layout.ts";
import { recordedSpec } from "./load.ts";
import { linkTarget } from "./staging.ts";

/** @param inUse digests that running instances still have files of */
export async function tidyApp(
  layout: Layout,
  app: AppName,
  inUse: ReadonlySet<string>,
): Promise<void> {
  if ((await namesIn(layout.app(app))).length === 0) return;
  await removeLink(layout.link(app, "next"));
  const revisions = new Set(await namedByLinks(layout, app));
  await keepOnly(layout.revisions(app), revisions);
  const releases = await releasesOf(layout, app, revisions);
  const digests = releases.union(inUse);
  await keepOnly(layout.releases(app), digests);
  const records = [
    ...[...digests].map((digest) => layout.manifest(app, digest)),
    ...[...revisions].map((revision) => layout.specCopy(app, revision)),
  ];
  await keepOnly(layout.records(app), new Set(records.map((path) => basename(path))));
  for (const directory of [layout.app(app), layout.apps]) await sweepTemporaries(directory);
}

/** Whole or not: one that was damaged is mended from what is left of it here. */
async function namedByLinks(layout: Layout, app: AppName): Promise<RevisionId[]> {
  const targets = [
    await linkTarget(layout.link(app, "current")),
    await linkTarget(layout.link(app, "previous")),
  ];
  return targets.flatMap((target) => RevisionId.safeParse(basename(target ?? "")).data ?? []);
}

/** Digests that these revisions name, by their link or else by their record. */
async function releasesOf(
  layout: Layout,
  app: AppName,
  revisions: ReadonlySet<RevisionId>,
): Promise<Set<string>> {
  const digests = new Set<string>();
  for (const revision of revisions) {
    const target = await linkTarget(join(layout.revision(app, revision), "content"));
    const spec = target === undefined ? await recordedSpec(layout, app, revision) : undefined;
    const digest = target === undefined ? spec?.release.digest : basename(target);
    if (digest !== undefined) digests.add(digest);
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
