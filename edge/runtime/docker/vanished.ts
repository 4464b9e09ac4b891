// Tells whether the directory of a volume that the Engine knows was removed behind its back.
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeDetail } from "#edge/runtime/docker/calls/api.ts";
import { errnoOf } from "#shared/files.ts";

/** A directory that this agent cannot see says nothing: it may be on the far side of a container's wall, or
 *  of a permission. */
export async function hasVanished({ Driver, Mountpoint }: VolumeDetail): Promise<boolean> {
  if (Driver !== "local") return false;
  // The local driver's own record, beside the directories of its volumes.
  const isEnginesDisk = await isThere(join(dirname(dirname(Mountpoint)), "metadata.db"));
  return isEnginesDisk && !(await isThere(Mountpoint, "ENOENT"));
}

/** @param absence the errno that says no; any, when it is not given */
async function isThere(path: string, absence?: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: unknown) => absence !== undefined && errnoOf(error) !== absence,
  );
}
