// Unpacks a bundle under strict rules: regular files and directories inside it, and nothing else.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { extract, Parser, type ReadEntry } from "tar";
import { FleetError } from "#shared/errors.ts";
import { syncDirectory } from "#shared/files.ts";
import { directoryMode, fileMode, insidePath, type ManifestFile } from "./manifest.ts";

export interface UnpackLimits {
  maxEntries: number;
  /** Bytes of all files together. */
  maxBytes: number;
  /** Names from the root to a file. */
  maxDepth: number;
}

const limits: UnpackLimits = { maxEntries: 20_000, maxBytes: 4 * 1024 ** 3, maxDepth: 32 };

/** What a bundle says of itself, read through to its end whatever is wrong with it. */
export interface Inspection {
  /** Of the bundle. */
  sha256: string;
  files: ManifestFile[];
  directories: string[];
  /** Why it may not be unpacked. */
  fault?: string;
}

/** Fills an empty directory and syncs all of it. On an error the directory holds a part: the caller
 *  removes it.
 *  @param bundle path of a bundle that was inspected
 *  @param subject what messages call the bundle, e.g. `release 1a2b3c4d5e6f of role robot`
 *  @param wanted paths of the files to write; all when absent
 *  @throws FleetError bundle_invalid naming the entry */
export async function unpack(
  bundle: string,
  directory: string,
  { subject, wanted }: { subject: string; wanted?: ReadonlySet<string> },
): Promise<void> {
  const filter = (path: string): boolean => wanted?.has(insidePath(path) ?? "") ?? true;
  const options = { file: bundle, cwd: directory, strict: true, noMtime: true, filter } as const;
  try {
    await extract({ ...options, ...asOwner });
  } catch (cause) {
    if (!isTarError(cause)) throw cause;
    throw invalid(subject, cause.message, cause);
  }
  await settle(directory);
}

/** Files belong to the agent's user, whoever packed them. */
const asOwner = { preserveOwner: false } as const;

/** Reads every header and hashes every file before anything is written. */
export async function inspect(bundle: string): Promise<Inspection> {
  const { size } = await stat(bundle);
  const parser = new Parser({ strict: true });
  const ended = Promise.withResolvers<void>();
  const check = createInspector({ ...limits, maxBytes: Math.min(limits.maxBytes, size) });
  const found: Inspection = { sha256: "", files: [], directories: [] };
  const fail = (fault: string | undefined): void => {
    if (fault !== undefined) found.fault ??= fault;
  };
  const visit = (entry: ReadEntry): void => {
    fail(check(entry));
    if (found.fault === undefined) note(entry, found);
    entry.resume();
  };
  parser.on("entry", visit);
  parser.on("ignoredEntry", visit);
  parser.on("end", ended.resolve);
  parser.on("error", (error: Error) => {
    fail(error.message);
    ended.resolve();
  });
  const whole = createHash("sha256");
  for await (const chunk of createReadStream(bundle)) {
    whole.update(chunk as Buffer);
    if (found.fault === undefined) parser.write(chunk as Buffer);
  }
  if (found.fault === undefined) parser.end();
  else ended.resolve();
  await ended.promise;
  return { ...found, sha256: whole.digest("hex") };
}

function note(entry: ReadEntry, found: Inspection): void {
  const path = insidePath(entry.path) ?? "";
  if (entry.type === "Directory") {
    if (path !== "") found.directories.push(path);
    return;
  }
  const hash = createHash("sha256");
  const mode = fileMode(entry.mode ?? 0);
  entry.on("data", (chunk: Buffer) => void hash.update(chunk));
  entry.on("end", () => {
    found.files.push({ path, mode, size: entry.size, sha256: hash.digest("hex") });
  });
}

/** Says what is wrong with an entry, having seen those before it. */
function createInspector(bounds: UnpackLimits): (entry: ReadEntry) => string | undefined {
  const seen = new Set<string>();
  const files = new Set<string>();
  const parents = new Set<string>();
  let bytes = 0;
  return (entry) => {
    const { path, type, size } = entry;
    const name = path.replace(/\/+$/, "");
    bytes += size;
    if (type !== "File" && type !== "OldFile" && type !== "Directory") {
      return `"${path}" is a ${type}, and only files and directories are allowed`;
    }
    const parts = name.split("/");
    if (path.startsWith("/")) return `"${path}" is an absolute path`;
    if (parts.includes("..")) return `"${path}" leads out of the release`;
    if (path.includes("\0")) return `"${path}" has a zero byte in its name`;
    if (parts.length > bounds.maxDepth) return `"${path}" is nested over ${bounds.maxDepth} deep`;
    if (seen.has(name)) return `"${path}" is there twice`;
    seen.add(name);
    const above = parts.slice(0, -1).map((_, index) => parts.slice(0, index + 1).join("/"));
    for (const parent of above) parents.add(parent);
    if (type !== "Directory") files.add(name);
    if (above.some((parent) => files.has(parent))) return `"${path}" is below a file`;
    if (files.has(name) && parents.has(name)) return `"${path}" is a file with others below it`;
    if (seen.size > bounds.maxEntries) {
      return `"${path}" is one entry too many: at most ${bounds.maxEntries} are allowed`;
    }
    // A bundle is not compressed, so its content cannot be larger than itself.
    return bytes > bounds.maxBytes
      ? `"${path}" brings the content to over ${bounds.maxBytes} bytes`
      : undefined;
  };
}

/** Modes that hang on neither umask nor packer, and everything on the disk, leaves first. */
async function settle(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await settle(path);
    else await settleFile(path);
  }
  await chmod(directory, directoryMode);
  await syncDirectory(directory);
}

async function settleFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    const { mode } = await handle.stat();
    await handle.chmod(fileMode(mode));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What the bundle is to blame for. tar marks failed system calls likewise, and a full disk says nothing
 *  against the bundle. */
function isTarError(error: unknown): error is Error {
  return error instanceof Error && "tarCode" in error && !("syscall" in error);
}

export function invalid(subject: string, fault: string, cause?: unknown): FleetError {
  return new FleetError("bundle_invalid", {
    message: `the bundle of ${subject} may not be unpacked: ${fault}`,
    hint: "Check how the bundle was made; the hub makes bundles of regular files and directories only.",
    ...(cause === undefined ? {} : { cause }),
  });
}
