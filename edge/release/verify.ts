// Compares the unpacked files of a release with its manifest: by a look at each, or by reading all of it.
import { createHash } from "node:crypto";
import { lstatSync, type Stats } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { byCodeUnit } from "#shared/canonical.ts";
import { errnoOf, isTemporary } from "#shared/files.ts";
import { directoryMode, type Manifest, type ManifestFile, parentOf } from "./manifest.ts";

export interface FileFinding {
  /** Relative to the release. */
  path: string;
  fault: keyof typeof words;
}

const words = {
  missing: "is missing",
  content: "was changed",
  mode: "has other permissions",
  kind: "was replaced by something that is no file of the release",
  unreadable: "cannot be read",
  extra: "is not part of the release",
} as const;

const named = 5;

/** For people: `conf/a.txt was changed; b.txt is missing; and 3 more`. Pure. */
export function describeFindings(findings: readonly FileFinding[]): string {
  const texts = findings
    .slice(0, named)
    .map(({ path, fault }) => `${nameOf(path)} ${words[fault]}`);
  const more = findings.length - texts.length;
  return [...texts, ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function nameOf(path: string): string {
  return path === "." ? "its directory" : path;
}

/** What a look at a path gave, `""` for the release's directory: as long as it stays the same, nobody wrote
 *  there. */
export type Seen = Map<string, string>;

/** Called after each chunk, so that reading leaves card and processor to others. */
export type Pacer = (bytes: number) => Promise<void>;

export interface Comparison {
  findings: FileFinding[];
  seen: Seen;
  bytes: number;
}

interface Options {
  /** Only these paths; all of the release when absent. */
  only?: ReadonlySet<string>;
  pace?: Pacer;
  signal?: AbortSignal;
}

/** Paths at which something is other than it was seen last. Cheap: one lstat each, at most `limit` of
 *  them, from the given one on in a circle. */
export function lookAgain(
  directory: string,
  seen: Seen,
  { from, limit }: { from: number; limit: number },
): { changed: Set<string>; looks: number } {
  const paths = [...seen.keys()];
  const looks = Math.min(limit, paths.length);
  const changed = new Set<string>();
  for (let index = 0; index < looks; index += 1) {
    const path = paths[(from + index) % paths.length] ?? "";
    const stats = lstatSync(join(directory, path), { throwIfNoEntry: false });
    if (stats === undefined || lookOf(stats) !== seen.get(path)) changed.add(path);
  }
  return { changed, looks };
}

/** Times with the inode's own: whoever sets the modification time back changes that one. */
function lookOf({ ino, size, mode, mtimeMs, ctimeMs }: Stats): string {
  return `${ino} ${size} ${mode} ${mtimeMs} ${ctimeMs}`;
}

/** Reads every file and lists every directory. What cannot be read is a finding like any other. */
export async function compareFully(
  directory: string,
  manifest: Manifest,
  options: Options = {},
): Promise<Comparison> {
  const { only, pace = unpaced, signal } = options;
  const result: Comparison = { findings: [], seen: new Map(), bytes: 0 };
  const isWanted = (path: string): boolean => only?.has(path) ?? true;
  const note = (path: string, fault: FileFinding["fault"]): void => {
    result.findings.push({ path, fault });
  };
  const children = childrenOf(manifest);
  for (const path of ["", ...manifest.directories].filter(isWanted)) {
    signal?.throwIfAborted();
    const stats = await look(join(directory, path));
    if (!isUsable(stats, "directory", (fault) => note(path === "" ? "." : path, fault))) continue;
    result.seen.set(path, lookOf(stats));
    if ((stats.mode & 0o7777) !== directoryMode) note(path === "" ? "." : path, "mode");
    for (const name of await strangers(join(directory, path), children.get(path))) {
      note(path === "" ? name : `${path}/${name}`, "extra");
    }
  }
  for (const file of manifest.files.filter(({ path }) => isWanted(path))) {
    signal?.throwIfAborted();
    const stats = await look(join(directory, file.path));
    if (!isUsable(stats, "file", (fault) => note(file.path, fault))) continue;
    result.seen.set(file.path, lookOf(stats));
    const sum = stats.size === file.size ? await sumOf(join(directory, file.path), pace) : "";
    if (stats.size === file.size) result.bytes += file.size;
    if (sum === undefined) note(file.path, "unreadable");
    else if (sum !== file.sha256) note(file.path, "content");
    else if ((stats.mode & 0o7777) !== file.mode) note(file.path, "mode");
  }
  return result;
}

/** Bytes that a full comparison reads. Pure. */
export function bytesOf({ files }: Manifest): number {
  return files.reduce((sum, { size }: ManifestFile) => sum + size, 0);
}

async function look(path: string): Promise<Stats | "missing" | "unreadable"> {
  return lstat(path).catch((error: unknown) =>
    errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR" ? "missing" : "unreadable",
  );
}

function isUsable(
  stats: Stats | "missing" | "unreadable",
  kind: "file" | "directory",
  note: (fault: FileFinding["fault"]) => void,
): stats is Stats {
  if (typeof stats === "string") {
    note(stats);
    return false;
  }
  const fits = kind === "file" ? stats.isFile() : stats.isDirectory();
  if (!fits) note("kind");
  return fits;
}

/** Names per directory. */
function childrenOf({ directories, files }: Manifest): Map<string, Set<string>> {
  const children = new Map<string, Set<string>>();
  for (const path of [...directories, ...files.map((file) => file.path)]) {
    const parent = parentOf(path);
    const names = children.get(parent) ?? new Set<string>();
    names.add(path.slice(parent === "" ? 0 : parent.length + 1));
    children.set(parent, names);
  }
  return children;
}

async function strangers(directory: string, known: ReadonlySet<string> = new Set()) {
  const names = await readdir(directory).catch((): string[] => []);
  return names.filter((name) => !known.has(name) && !isTemporary(name)).sort(byCodeUnit);
}

const chunkBytes = 256 * 1024;
const unpaced: Pacer = async () => undefined;

/** Lower-case hex sha256 of a file.
 *  @returns undefined when the disk does not give it */
export async function sumOf(path: string, pace: Pacer = unpaced): Promise<string | undefined> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    const file = await open(path, "r");
    try {
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, chunkBytes);
        if (bytesRead === 0) return hash.digest("hex");
        hash.update(buffer.subarray(0, bytesRead));
        await pace(bytesRead);
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return undefined;
  }
}
