// A disk for one device alone: small enough to be filled, and one that can be made read-only.
import { execFile } from "node:child_process";
import { mkdir, open, rm, statfs, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { errnoOf } from "#shared/files.ts";
import { type Afterwards, afterwards } from "./afterwards.ts";
import { lossIn, tearFiles } from "./mounts_torn.ts";
import type { Random } from "./random.ts";
import { notSurvived } from "./until.ts";

const run = promisify(execFile);

export interface DiskShape {
  megabytes: number;
}

export interface Disk {
  /** Where it is mounted. */
  readonly directory: string;
  /** Takes all room with a file of its own; each call takes what has become free since. */
  fill(): Promise<void>;
  /** Gives it back. */
  free(): Promise<void>;
  freeBytes(): Promise<number>;
  /** As a kernel does that has met an error in the file system: read-only at once, whoever writes. Only a
   *  reboot ends it. */
  fail(): Promise<void>;
  /** What lies on the medium at this instant, without anything that was not synced.
   *  @returns the image's file */
  snapshot(): Promise<string>;
  /** What an image lacks of what programs have written.
   *  @param random lets some of it reach the image all the same, sector by sector */
  lose(image: string, random?: Random): Promise<Loss>;
  /** What is mounted goes, and an image is checked, as a boot does, and mounted instead.
   *  @param image by default what lies on the medium now */
  boot(image?: string): Promise<void>;
  /** Nothing of it is left. */
  release(): Promise<void>;
}

/** What a power cut takes with it. */
export interface Loss {
  /** Of which a write, a change of name or a removal was not synced. */
  files: number;
  bytes: number;
  /** That differ, and came all the same. */
  tornSectors: number;
}

/** Devices with such a disk; one world for all faults that want one. */
export const onOwnDisk = {
  device: { disk: { megabytes: 48 }, agent: { ballastMegabytes: 4 } },
} as const;

interface DiskOptions {
  /** Made here; the image lies in it, in memory. */
  scratch: string;
  /** Where it is to be mounted. */
  directory: string;
  shape: DiskShape;
}

const megabyte = 1_000_000;
/** Of the memory below an image: itself and copies of it, which are sparse. */
const copies = 3;
const chunk = Buffer.alloc(256 * 1024, 0x2e);
const fillerName = ".filler";
/** What nobody syncs stays in memory for as long as the kernel lets it. */
const loop = ["-t", "ext4", "-o", "loop,commit=300"];
/** Root may not take more than others, and an error in the file system makes it read-only at once. */
const makeOptions = ["-q", "-F", "-m", "0", "-e", "remount-ro", "-E", "lazy_itable_init=0"];

/** An ext4 file system in an image on a tmpfs. Needs root. */
export async function mountDisk({ scratch, directory, shape }: DiskOptions): Promise<Disk> {
  const bytes = shape.megabytes * megabyte;
  const filler = join(directory, fillerName);
  let serial = 0;
  let image = join(scratch, `image-${serial}`);
  let mounted: Afterwards | undefined;

  await mkdir(scratch, { recursive: true });
  await mkdir(directory, { recursive: true });
  const memory = await mount(["-t", "tmpfs", "-o", `size=${bytes * copies}`, "tmpfs"], scratch);
  const attach = async (): Promise<void> => {
    mounted = await mount([...loop, image], directory);
  };
  const release = async (): Promise<void> => {
    await Promise.resolve(mounted?.run()).finally(memory.run);
  };
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  };
  const snapshot = async (): Promise<string> => {
    serial += 1;
    const copy = join(scratch, `image-${serial}`);
    await copyStill(image, copy);
    return copy;
  };

  try {
    await run("truncate", ["--size", String(bytes), image]);
    await run("mkfs.ext4", [...makeOptions, image]);
    await attach();
  } catch (error) {
    await release();
    throw error;
  }
  return {
    ...{ directory, freeBytes, snapshot, release },
    fill: () => writeUntilFull(filler),
    free: () => rm(filler, { force: true }),
    fail: async () => {
      const { stdout } = await run("findmnt", ["-n", "-o", "SOURCE", directory]);
      await writeFile(join("/sys/fs/ext4", basename(stdout.trim()), "trigger_fs_error"), "1");
      if (await takesWrites(filler)) throw notSurvived(`${directory} can still be written to`);
    },
    lose: async (torn, random) => {
      const medium = join(scratch, "torn");
      await mkdir(medium, { recursive: true });
      await checked(torn);
      const there = await mount([...loop, torn], medium);
      const both = { medium, memory: directory };
      try {
        const loss = await lossIn(both);
        const tornSectors = random === undefined ? 0 : await tearFiles({ ...both, random });
        return { ...loss, tornSectors };
      } finally {
        await there.run();
      }
    },
    boot: async (from) => {
      const next = from ?? (await snapshot());
      await mounted?.run();
      await rm(image);
      image = next;
      await checked(image);
      await attach();
    },
  };
}

async function takesWrites(file: string): Promise<boolean> {
  return await writeFile(file, "").then(
    () => true,
    (error: unknown) => errnoOf(error) !== "EROFS",
  );
}

async function mount(what: readonly string[], where: string): Promise<Afterwards> {
  await run("mount", [...what, where]);
  // Lazily: a workload may still stand in it.
  return afterwards(["umount", "--lazy", where]);
}

/** The kernel may write into the image while it is copied; then it is copied again. */
async function copyStill(from: string, to: string): Promise<void> {
  for (;;) {
    await run("cp", ["--sparse=always", from, to]);
    const same = await run("cmp", ["--silent", from, to]).then(
      () => true,
      () => false,
    );
    if (same) return;
  }
}

/** Replays the journal and repairs what a boot repairs by itself; more than that throws. */
async function checked(image: string): Promise<void> {
  await run("e2fsck", ["-p", image]).catch((error: { code?: unknown }) => {
    // 1: errors were found and corrected.
    if (error.code !== 1) throw error;
  });
}

async function writeUntilFull(file: string): Promise<void> {
  const handle = await open(file, "a");
  try {
    for (let size = chunk.byteLength; size >= 512; ) {
      const wrote = await handle.write(chunk, 0, size).catch((error: unknown) => {
        if (errnoOf(error) === "ENOSPC") return undefined;
        throw error;
      });
      if (wrote === undefined) size /= 2;
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
}
