// A real file system of 16 MB for one test, which can be filled, cut off and made to fail.
import * as assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Disk, mountDisk } from "#scripts/faults/mounts.ts";

/** Needs the part "mount".
 *  @param body gets the directory in which the disk is mounted; nothing of it stays afterwards */
export async function onSmallDisk(
  body: (disk: Disk, directory: string) => Promise<void>,
): Promise<void> {
  const scratch = await mkdtemp(join(tmpdir(), "fleet-small-disk-"));
  const directory = join(scratch, "data");
  const shape = { megabytes: 16 };
  const disk = await mountDisk({ scratch: join(scratch, "ram"), directory, shape });
  try {
    await body(disk, directory);
  } finally {
    await disk.release();
    assert.ok(!(await readFile("/proc/mounts", "utf8")).includes(scratch), "nothing is mounted");
    await rm(scratch, { recursive: true });
  }
}
