// Removes what crashes and given-up attempts have left, without the help of any clock.
import { lstat, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ifPresent, isTemporary, namesIn } from "#shared/files.ts";
import type { Layout } from "./layout.ts";

export interface Sweeper {
  /** @param kept digests whose bundles and downloads stay
   *  @returns bytes that were freed */
  sweep(kept: ReadonlySet<string>): Promise<number>;
}

export function createSweeper(layout: Layout): Sweeper {
  /** Found by the sweep before this one: what is still there by then is nobody's work in progress. */
  let before: ReadonlySet<string> = new Set();
  return {
    sweep: async (kept) => {
      const temporaries = await temporariesIn(layout);
      const old = temporaries.filter((path) => before.has(path));
      before = new Set(temporaries);
      const orphans = (await namesIn(layout.bundles))
        .filter((name) => !isTemporary(name) && !kept.has(name.split(".")[0] ?? ""))
        .map((name) => join(layout.bundles, name));
      let freed = 0;
      for (const path of [...old, ...orphans]) freed += await removed(path);
      return freed;
    },
  };
}

/** Where temporary names are made: beside bundles, apps, links, releases, revisions and records, and beside the
 *  agent's own files, of which the ballast is a large one. */
async function temporariesIn({ bundles, apps }: Layout): Promise<string[]> {
  const appDirectories = (await namesIn(apps)).map((name) => join(apps, name));
  const below = appDirectories.flatMap((app) => [
    app,
    ...["releases", "revisions", "records"].map((name) => join(app, name)),
  ]);
  const found: string[] = [];
  for (const directory of [dirname(bundles), bundles, apps, ...below]) {
    const names = await readdir(directory).catch((): string[] => []);
    found.push(...names.filter(isTemporary).map((name) => join(directory, name)));
  }
  return found;
}

async function removed(path: string): Promise<number> {
  const bytes = await bytesAt(path);
  // What a container wrote as root may stay for a sweep by someone who may remove it.
  await rm(path, { recursive: true, force: true }).catch(() => undefined);
  return (await ifPresent(lstat(path))) === undefined ? bytes : 0;
}

async function bytesAt(path: string): Promise<number> {
  const stats = await ifPresent(lstat(path));
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.blocks * 512;
  let bytes = 0;
  for (const name of await namesIn(path)) bytes += await bytesAt(join(path, name));
  return bytes;
}
