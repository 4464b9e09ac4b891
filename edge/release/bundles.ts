// The bundles on the disk: complete and verified ones, and parts on their way.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "#shared/clock.ts";
import type { ReleaseRef } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import {
  ifPresent,
  makeDirectory,
  namesIn,
  sweepTemporaries,
  syncDirectory,
} from "#shared/files.ts";
import type { Digest } from "#shared/ids.ts";
import { requireSpace, type StatDisk } from "./disk.ts";
import { type DownloadOptions, download } from "./download.ts";
import type { Layout } from "./layout.ts";

/** Downloads that some app has asked for and not staged yet; older ones are taken for given up. */
const maxAwaited = 8;
const progressEveryMs = 250;

interface BundleOptions {
  layout: Layout;
  download: DownloadOptions;
  clock: Clock;
  reserveBytes: number;
  statDisk: StatDisk;
}

interface FetchOptions {
  onProgress?: (share: number) => void;
  signal?: AbortSignal;
}

export interface Bundles {
  has: (digest: Digest) => Promise<boolean>;
  fetch: (release: ReleaseRef, options: FetchOptions) => Promise<void>;
  verify: (release: ReleaseRef) => Promise<void>;
  /** The app has unpacked it: from now on only unpacked releases keep the bundle. */
  staged: (digest: Digest) => void;
  /** Digests that someone has asked for and not unpacked yet. */
  awaited: () => ReadonlySet<string>;
  /** Removes every bundle that nobody keeps and nobody waits for. */
  tidy: (kept: ReadonlySet<string>) => Promise<void>;
}

export function createBundles(options: BundleOptions): Bundles {
  const { layout } = options;
  const awaited = new Set<string>();
  const has = async (digest: Digest): Promise<boolean> =>
    (await ifPresent(access(layout.bundle(digest)).then(() => true))) ?? false;
  return {
    has,
    fetch: async (release, fetchOptions) => {
      awaited.delete(release.digest);
      awaited.add(release.digest);
      forgetOldest(awaited);
      if (!(await has(release.digest))) await fetchBundle(release, fetchOptions, options);
    },
    verify: async (release) => {
      if (!(await has(release.digest))) await verifyPart(release, layout);
    },
    staged: (digest) => {
      awaited.delete(digest);
    },
    awaited: () => awaited,
    tidy: (kept) => removeBundles(layout, (digest) => kept.has(digest) || awaited.has(digest)),
  };
}

function forgetOldest(awaited: Set<string>): void {
  const [oldest] = awaited;
  if (awaited.size > maxAwaited && oldest !== undefined) awaited.delete(oldest);
}

async function fetchBundle(
  release: ReleaseRef,
  { onProgress, signal }: FetchOptions,
  options: BundleOptions,
): Promise<void> {
  const { layout, clock } = options;
  const { digest, size } = release;
  await makeDirectory(layout.bundles);
  const part = layout.part(digest);
  const have = (await ifPresent(stat(part)))?.size ?? 0;
  // Others write too, so the reserve is looked after while the bytes come.
  const requireRoom = (length: number): Promise<void> =>
    requireSpace(
      {
        directory: layout.bundles,
        // The bundle and its unpacked content.
        bytes: Math.max(0, size * 2 - length),
        reserveBytes: options.reserveBytes,
        subject: nameOf(release),
      },
      options.statDisk,
    );
  await requireRoom(have);
  const onBytes = onProgress && paced(clock, size, onProgress);
  const transfer = { digest, sizeBytes: size, part, tagFile: layout.partTag(digest), requireRoom };
  try {
    await download({ ...transfer, onBytes, signal }, options.download);
  } catch (error) {
    // What was fetched would take the last of the room from the journal and the workloads.
    if (error instanceof FleetError && error.code === "disk_short") await dropPart(digest, layout);
    throw error;
  }
}

/** Calls back a few times a second, and at the end. */
function paced(
  clock: Clock,
  size: number,
  onProgress: (share: number) => void,
): (length: number) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (length) => {
    const now = clock.monotonicMs();
    if (now - last < progressEveryMs && length < size) return;
    last = now;
    onProgress(Math.min(1, length / size));
  };
}

async function verifyPart(release: ReleaseRef, layout: Layout): Promise<void> {
  const { digest } = release;
  const part = layout.part(digest);
  const fault = await faultOf(part, release);
  if (fault !== undefined) {
    await dropPart(digest, layout);
    throw corrupt(release, fault);
  }
  await rm(layout.partTag(digest), { force: true });
  await syncFile(part);
  await rename(part, layout.bundle(digest));
  await syncDirectory(layout.bundles);
}

async function dropPart(digest: Digest, layout: Layout): Promise<void> {
  await rm(layout.part(digest), { force: true });
  await rm(layout.partTag(digest), { force: true });
}

async function faultOf(part: string, { size, digest }: ReleaseRef): Promise<string | undefined> {
  const there = (await ifPresent(stat(part)))?.size;
  if (there === undefined) return "is not on the disk";
  if (there > size) return `is longer than the ${size} bytes that it should have`;
  if (there < size) return `has ${there} bytes instead of ${size}`;
  const found = await digestOf(part);
  return found === digest ? undefined : `has the sha256 ${found.slice(0, 12)}`;
}

/** Lower-case hex sha256 of a file, read as a stream. */
async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeBundles(layout: Layout, isKept: (digest: string) => boolean): Promise<void> {
  await sweepTemporaries(layout.bundles);
  for (const name of await namesIn(layout.bundles)) {
    const digest = name.split(".")[0] ?? "";
    if (!isKept(digest)) await rm(join(layout.bundles, name), { force: true });
  }
}

export function corrupt(release: ReleaseRef, fault: string): FleetError {
  return new FleetError("bundle_corrupt", {
    message: `the bundle of ${nameOf(release)} ${fault}`,
    hint: "It is downloaded again; if this goes on, check the hub's disk and any proxy on the way.",
    subject: release.digest,
  });
}

export function nameOf(release: ReleaseRef): string {
  return `release ${release.digest.slice(0, 12)} of role ${release.role}`;
}
