// Unpacks a bundle under strict rules: regular files and directories inside it, and nothing else.
import { createReadStream } from "node:fs";
import { chmod, open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { extract, Parser, type ReadEntry } from "tar";
import { FleetError } from "#shared/errors.ts";
import { syncDirectory } from "#shared/files.ts";

export interface UnpackLimits {
  maxEntries: number;
  /** Bytes of all files together. */
  maxBytes: number;
  /** Names from the root to a file. */
  maxDepth: number;
}

const limits: UnpackLimits = { maxEntries: 20_000, maxBytes: 4 * 1024 ** 3, maxDepth: 32 };

/** Fills an empty directory and syncs all of it. On an error the directory holds a part: the caller
 *  removes it.
 *  @param bundle path of a verified bundle
 *  @param subject what messages call the bundle, e.g. `release 1a2b3c4d5e6f of role robot`
 *  @throws FleetError bundle_invalid naming the entry */
export async function unpack(bundle: string, directory: string, subject: string): Promise<void> {
  await inspect(bundle, subject);
  try {
    await extract({ file: bundle, cwd: directory, strict: true, noMtime: true, ...asOwner });
  } catch (cause) {
    if (!isTarError(cause)) throw cause;
    throw invalid(subject, cause.message, cause);
  }
  await settle(directory);
}

/** Files belong to the agent's user, whoever packed them. */
const asOwner = { preserveOwner: false } as const;

/** Reads every header before anything is written. */
async function inspect(bundle: string, subject: string): Promise<void> {
  const { size } = await stat(bundle);
  const parser = new Parser({ strict: true });
  const ended = Promise.withResolvers<void>();
  const check = createInspector({ ...limits, maxBytes: Math.min(limits.maxBytes, size) });
  let fault: string | undefined;
  const visit = (entry: ReadEntry): void => {
    fault ??= check(entry);
    entry.resume();
  };
  parser.on("entry", visit);
  parser.on("ignoredEntry", visit);
  parser.on("end", ended.resolve);
  parser.on("error", (error: Error) => {
    fault ??= error.message;
    ended.resolve();
  });
  for await (const chunk of createReadStream(bundle)) {
    if (fault !== undefined) break;
    parser.write(chunk as Buffer);
  }
  if (fault === undefined) parser.end();
  else ended.resolve();
  await ended.promise;
  if (fault !== undefined) throw invalid(subject, fault);
}

/** Says what is wrong with an entry, having seen those before it. */
function createInspector(bounds: UnpackLimits): (entry: ReadEntry) => string | undefined {
  const seen = new Set<string>();
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
  await chmod(directory, 0o755);
  await syncDirectory(directory);
}

async function settleFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    const { mode } = await handle.stat();
    await handle.chmod((mode & 0o100) === 0 ? 0o644 : 0o755);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isTarError(error: unknown): error is Error {
  return error instanceof Error && "tarCode" in error;
}

function invalid(subject: string, fault: string, cause?: unknown): FleetError {
  return new FleetError("bundle_invalid", {
    message: `the bundle of ${subject} may not be unpacked: ${fault}`,
    hint: "Check how the bundle was made; the hub makes bundles of regular files and directories only.",
    ...(cause === undefined ? {} : { cause }),
  });
}
