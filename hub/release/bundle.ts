// Makes a role's content into a bundle: a deterministic archive, named by its sha256.
import { sha256 } from "#shared/canonical.ts";
import { Digest } from "#shared/ids.ts";
import { type ArchiveFile, archive } from "./tar.ts";

export interface Bundle {
  digest: Digest;
  bytes: Buffer;
}

/** The same content gives the same digest, whatever the commit, the clock and the machine. Pure.
 *  @param files paths relative to the role's directory */
export function bundle(files: readonly ArchiveFile[]): Bundle {
  const bytes = archive(files);
  return { digest: Digest.parse(sha256(bytes)), bytes };
}
