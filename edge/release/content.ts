// Reads and hashes files of an unpacked release by their relative path, and never one outside of it.
import { createHash, type Hash } from "node:crypto";
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  realpathSync,
  type Stats,
} from "node:fs";
import { isAbsolute, join, relative, resolve } from "node:path";
import { byCodeUnit } from "#shared/canonical.ts";
import { errnoOf } from "#shared/files.ts";

const chunkBytes = 1024 * 1024;

export interface ReleaseContent {
  readText: (path: string) => string | undefined;
  contentHash: (path: string) => string | undefined;
  /** Absolute path of a file or directory of the release. */
  locate: (path: string) => string | undefined;
}

/** Synchronous, since loading a Compose file is; a release's files are few and small.
 *  @param directory absolute path of the unpacked release */
export function contentOf(directory: string): ReleaseContent {
  const locate = (path: string): string | undefined => locateIn(directory, path);
  return {
    locate,
    readText: (path) => whenPresent(locate(path), (found) => readFileSync(found, "utf8")),
    contentHash: (path) => whenPresent(locate(path), hashOf),
  };
}

/** A symbolic link on the way is outside too: bundles hold none, so someone made it on the device. */
function locateIn(directory: string, path: string): string | undefined {
  const full = resolve(directory, path);
  const inside = relative(directory, full);
  if (isAbsolute(path) || inside === ".." || inside.startsWith("../")) return undefined;
  return whenPresent(directory, (root) => {
    const real = join(realpathSync(root), inside);
    return realpathSync(full) === real ? real : undefined;
  });
}

function whenPresent<T>(path: string | undefined, use: (path: string) => T): T | undefined {
  if (path === undefined) return undefined;
  try {
    return use(path);
  } catch (error) {
    const absent = ["ENOENT", "ENOTDIR", "EISDIR", "ELOOP"].includes(errnoOf(error) ?? "");
    if (absent) return undefined;
    throw error;
  }
}

function hashOf(path: string): string {
  const hash = createHash("sha256");
  const stats = lstatSync(path);
  if (stats.isDirectory()) addTree(hash, path, "");
  else addContent(hash, path);
  return hash.digest("hex");
}

/** Names, modes and contents in one order, each entry closed off so that no two trees run together. */
function addTree(hash: Hash, directory: string, prefix: string): void {
  for (const name of readdirSync(directory).sort(byCodeUnit)) {
    const path = join(directory, name);
    const stats = lstatSync(path);
    hash.update(`${kindOf(stats)} ${(stats.mode & 0o777).toString(8)} ${prefix}${name}\0`);
    if (stats.isDirectory()) addTree(hash, path, `${prefix}${name}/`);
    if (!stats.isFile()) continue;
    hash.update(`${stats.size}\0`);
    addContent(hash, path);
  }
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "directory";
  return stats.isFile() ? "file" : "other";
}

function addContent(hash: Hash, path: string): void {
  const file = openSync(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
}
