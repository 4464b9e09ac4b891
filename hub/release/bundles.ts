// Keeps bundles as files named by their digest; what is there is whole.
import { mkdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { FleetError } from "#shared/errors.ts";
import { ifPresent, namesIn, writeFileAtomic } from "#shared/files.ts";
import { Digest } from "#shared/ids.ts";
import type { Bundle } from "./bundle.ts";

export interface BundleFile {
  path: string;
  sizeBytes: number;
}

export interface BundleStore {
  /** Null when there is no such bundle. */
  open(digest: Digest): Promise<BundleFile | null>;
  /** Written once; a bundle that is there and whole is left as it is.
   *  @throws FleetError disk_short */
  put(bundle: Bundle): Promise<void>;
  /** Says that the bundle is wanted now.
   *  @returns whether it is there */
  touch(digest: Digest): Promise<boolean>;
  /** Digests of the bundles that nobody wanted since then, Unix ms. */
  untouchedSince(at: number): Promise<Digest[]>;
  remove(digest: Digest): Promise<void>;
}

/** @param directory made when missing */
export function createBundleStore({ directory }: { directory: string }): BundleStore {
  const pathOf = (digest: Digest): string => join(directory, `${digest}.tar`);
  const find = async (digest: Digest): Promise<BundleFile | null> => {
    const path = pathOf(digest);
    const stats = await ifPresent(stat(path));
    return stats === undefined ? null : { path, sizeBytes: stats.size };
  };
  /** The right size alone says nothing: every device refuses a bundle in which the disk has lost a block. */
  const isWhole = async ({ digest, bytes }: Bundle): Promise<boolean> => {
    const there = await find(digest);
    return there?.sizeBytes === bytes.length && (await readFile(there.path)).equals(bytes);
  };
  const touch = async (digest: Digest): Promise<boolean> => {
    const now = new Date();
    return (await ifPresent(utimes(pathOf(digest), now, now).then(() => true))) ?? false;
  };
  return {
    open: find,
    touch,
    put: async (bundle) => {
      const { digest, bytes } = bundle;
      const isThere = await isWhole(bundle).catch(() => false);
      if (isThere && (await touch(digest))) return;
      await mkdir(directory, { recursive: true });
      await writeFileAtomic(pathOf(digest), bytes).catch((cause: unknown) => {
        throw writingError(directory, cause);
      });
    },
    untouchedSince: async (at) => {
      const old: Digest[] = [];
      for (const name of await namesIn(directory)) {
        const digest = digestOf(name);
        if (digest !== undefined && (await isUntouched(pathOf(digest), at))) old.push(digest);
      }
      return old;
    },
    remove: (digest) => rm(pathOf(digest), { force: true }),
  };
}

function digestOf(name: string): Digest | undefined {
  return name.endsWith(".tar") ? Digest.safeParse(name.slice(0, -".tar".length)).data : undefined;
}

async function isUntouched(path: string, at: number): Promise<boolean> {
  const stats = await ifPresent(stat(path));
  return stats !== undefined && stats.mtimeMs < at;
}

function writingError(directory: string, cause: unknown): FleetError {
  const { code } = cause as NodeJS.ErrnoException;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  return new FleetError(isFull ? "disk_short" : "store_unavailable", {
    message: `a bundle cannot be written to ${directory} (${code ?? String(cause)})`,
    hint: "Make room, or let the hub write there.",
    cause,
  });
}
