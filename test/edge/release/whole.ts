// What must hold of a release store's disk at every instant, whatever was killed there.
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { AppSpec, revisionOf } from "#shared/desired.ts";
import { sha256Of } from "./fixture.ts";

/** Files of each release by digest: path to content. */
export type Contents = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** Every entry below a directory by its relative path; temporary ones are nobody's business. */
export function snapshot(directory: string): Record<string, string> {
  return Object.fromEntries(walk(directory, ""));
}

function walk(root: string, below: string): [string, string][] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    const full = join(root, path);
    if (path.includes(".tmp-")) return [];
    if (entry.isSymbolicLink()) return [[path, `-> ${readlinkSync(full)}`]];
    if (!entry.isDirectory()) return [[path, textOf(readFileSync(full))]];
    return [[path, "directory"], ...walk(root, path)];
  });
}

/** Bundles by their hash, so that a difference can be read. */
function textOf(bytes: Buffer): string {
  return bytes.length > 2000 ? sha256Of(bytes) : bytes.toString();
}

/** What has a final name is complete: bundles, releases, revisions; and `current` leads to one.
 *  @returns digest of the current release of the app, if there is one */
export function assertWhole(
  directory: string,
  app: string,
  contents: Contents,
): string | undefined {
  const tree = snapshot(directory);
  const home = `apps/${app}`;
  const digests = childrenOf(tree, `${home}/releases`);
  for (const digest of digests)
    assertRelease(tree, `${home}/releases/${digest}`, contents.get(digest));
  for (const name of childrenOf(tree, `${home}/revisions`)) {
    const spec = AppSpec.parse(JSON.parse(tree[`${home}/revisions/${name}/app.json`] ?? ""));
    assert.equal(revisionOf(spec), name);
  }
  for (const name of childrenOf(tree, "bundles").filter((bundle) => bundle.endsWith(".tar"))) {
    assert.equal(`${sha256Of(readFileSync(join(directory, "bundles", name)))}.tar`, name);
  }
  const link = tree[`${home}/current`];
  if (link === undefined) return undefined;
  const content = tree[`${home}/${link.slice("-> ".length)}/content`];
  const digest = content?.split("/").at(-1) ?? "";
  assert.ok(digests.includes(digest), `current leads to ${link}, and that to ${content}`);
  return digest;
}

function childrenOf(tree: Record<string, string>, path: string): string[] {
  const below = Object.keys(tree).filter((entry) => entry.startsWith(`${path}/`));
  return [...new Set(below.map((entry) => entry.slice(path.length + 1).split("/")[0] ?? ""))];
}

function assertRelease(
  tree: Record<string, string>,
  path: string,
  expected: Readonly<Record<string, string>> | undefined,
): void {
  const files = Object.entries(tree).filter(
    ([entry, text]) => entry.startsWith(`${path}/`) && text !== "directory",
  );
  const found = Object.fromEntries(
    files.map(([entry, text]) => [entry.slice(path.length + 1), text]),
  );
  assert.deepEqual(found, expected);
}
