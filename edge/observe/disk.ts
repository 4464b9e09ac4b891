// Measures the room on the device's disk, for decisions and for people.
import { statfs } from "node:fs/promises";

export interface DiskFacts {
  /** What this user can still write. */
  freeBytes: number;
  totalBytes: number;
  /** What no download takes. */
  reserveBytes: number;
  /** Whether the ballast is there, and how much giving it up would free. */
  ballast: boolean;
  ballastBytes: number;
}

/** Free and total blocks and their size, as statfs(2) gives them. */
export type Statfs = (
  path: string,
) => Promise<{ bavail: number; bfree: number; blocks: number; bsize: number }>;

export const readStatfs: Statfs = (path) => statfs(path);

/** As `df` counts: what only root may use is no part of the total. */
export async function measureDisk(
  directory: string,
  stat: Statfs = readStatfs,
): Promise<Pick<DiskFacts, "freeBytes" | "totalBytes">> {
  const { bavail, bfree, blocks, bsize } = await stat(directory);
  return { freeBytes: bavail * bsize, totalBytes: (blocks - bfree + bavail) * bsize };
}
