// Makes sure that unpacked files are what the bundle holds before they get their names.
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { FleetError } from "#shared/errors.ts";
import { releaseDamaged } from "./content.ts";
import type { ManifestFile } from "./manifest.ts";
import { sumOf } from "./verify.ts";

/** A disk that becomes full may take a part of a write(2) and report no error; tar does not look at how much
 *  was taken.
 *  @throws FleetError disk_short, release_damaged */
export async function requireWhole(
  directory: string,
  files: readonly ManifestFile[],
): Promise<void> {
  for (const file of files) {
    const path = join(directory, file.path);
    const { size } = await lstat(path);
    if (size < file.size) throw cutShort(path);
    if ((await sumOf(path)) !== file.sha256) {
      throw releaseDamaged(directory, `${file.path} did not come out of the bundle whole`);
    }
  }
}

function cutShort(path: string): FleetError {
  return new FleetError("disk_short", {
    message: `the disk became full while ${path} was unpacked`,
    hint: "Free some space on its file system.",
    subject: path,
  });
}
