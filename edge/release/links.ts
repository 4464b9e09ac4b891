// The links `current`, `previous` and `next` of an app: read, swapped, rolled back.
import { basename } from "node:path";
import { FleetError } from "#shared/errors.ts";
import { ifPresent, namesIn, removeLink, replaceLink } from "#shared/files.ts";
import { AppName, RevisionId } from "#shared/ids.ts";
import { type Layout, type LinkName, linkNames } from "./layout.ts";
import type { StoredApp } from "./port.ts";
import { isComplete, linkTarget } from "./staging.ts";

/** Apps by name. A link whose revision is not whole counts as absent. */
export async function readApps(layout: Layout): Promise<StoredApp[]> {
  const apps: StoredApp[] = [];
  for (const name of await namesIn(layout.apps)) {
    const app = AppName.safeParse(name);
    if (app.success) apps.push(await readApp(layout, app.data));
  }
  return apps;
}

export async function readApp(layout: Layout, app: AppName): Promise<StoredApp> {
  const stored: StoredApp = { app };
  for (const name of linkNames) {
    const revision = await readRevision(layout, app, name);
    if (revision !== undefined) stored[name] = revision;
  }
  return stored;
}

async function readRevision(
  layout: Layout,
  app: AppName,
  name: LinkName,
): Promise<RevisionId | undefined> {
  const target = await linkTarget(layout.link(app, name));
  const revision = RevisionId.safeParse(target === undefined ? undefined : basename(target));
  if (!revision.success) return undefined;
  return (await isComplete(layout, app, revision.data)) ? revision.data : undefined;
}

/** `previous` first: a crash between the two renames leaves the way back open, and a repetition still
 *  sees the old `current`. */
export async function swapApp(layout: Layout, app: AppName, revision: RevisionId): Promise<void> {
  await requireComplete(layout, app, revision);
  const { current } = await readApp(layout, app);
  if (current === revision) return;
  if (current !== undefined) await point(layout, app, "previous", current);
  await point(layout, app, "current", revision);
}

/** What is current again cannot be its own way back, so `previous` goes when it names the same. */
export async function rollBackApp(
  layout: Layout,
  app: AppName,
  to: RevisionId | undefined,
): Promise<void> {
  if (to === undefined) {
    await ifPresent(removeLink(layout.link(app, "current")));
    return;
  }
  await requireComplete(layout, app, to);
  await point(layout, app, "current", to);
  const { previous } = await readApp(layout, app);
  if (previous === to) await removeLink(layout.link(app, "previous"));
}

async function point(
  layout: Layout,
  app: AppName,
  name: LinkName,
  revision: RevisionId,
): Promise<void> {
  await replaceLink(layout.link(app, name), `revisions/${revision}`);
}

async function requireComplete(layout: Layout, app: AppName, revision: RevisionId): Promise<void> {
  if (await isComplete(layout, app, revision)) return;
  throw notStaged(app, revision);
}

export function notStaged(app: AppName, revision: RevisionId): FleetError {
  return new FleetError("not_found", {
    message: `revision ${revision.slice(0, 12)} of app ${app} is not on the disk`,
    subject: app,
  });
}
