// A file that takes space for no other purpose than to be given up when the journal needs it.
import { randomFillSync } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { syncDirectory, temporaryName } from "#shared/files.ts";

export interface Ballast {
  bytes: number;
  isThere(): boolean;
  /** Gives the space back at once. @returns whether there was any */
  release(): boolean;
  /** Does nothing when it is there. On an error nothing is left of it. */
  make(): Promise<void>;
}

const chunkBytes = 1024 * 1024;

/** @param options.bytes 0: there is none */
export function createBallast(options: { file: string; bytes: number }): Ballast {
  const { file, bytes } = options;
  const isThere = (): boolean => statSync(file, { throwIfNoEntry: false })?.size === bytes;
  const remove = (): boolean => {
    if (statSync(file, { throwIfNoEntry: false }) === undefined) return false;
    rmSync(file, { force: true });
    return true;
  };
  return {
    bytes,
    isThere: () => bytes > 0 && isThere(),
    release: remove,
    make: async () => {
      if (isThere()) return;
      remove();
      if (bytes > 0) await writeNoise(file, bytes);
    },
  };
}

/** Written out, since Node has no fallocate(2), and as noise, since a file system that compresses would
 *  give zeros no room. */
async function writeNoise(file: string, bytes: number): Promise<void> {
  const temporary = temporaryName(file);
  try {
    const handle = await open(temporary, "wx", 0o600);
    try {
      for (let left = bytes; left > 0; left -= chunkBytes) {
        await handle.appendFile(randomFillSync(Buffer.allocUnsafe(Math.min(left, chunkBytes))));
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(file));
}
