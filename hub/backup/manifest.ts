// What a backup says of itself: the first file in it, with the digests of the others.
import { z } from "zod";

/** In the order in which they lie in the file. */
export const backedUp = ["hub.db", "signing-key.pem", "operator.token"] as const;
export type BackedUp = (typeof backedUp)[number];

/** Without these devices follow no hub, and no operator is let in. */
export const keyFiles: readonly BackedUp[] = ["signing-key.pem", "operator.token"];

export const manifestName = "manifest.json";

/** Of the form below. */
export const manifestVersion = 1;

/** What every form has: enough to say which hub reads it. */
export const ManifestForm = z.object({ version: z.int().positive(), hubVersion: z.string() });

export const Manifest = ManifestForm.extend({
  version: z.literal(manifestVersion),
  /** Unix ms by the hub's clock: everything up to here is in it. */
  at: z.number().int(),
  /** The newest migration of the database. */
  schema: z.number().int(),
  devices: z.number().int(),
  files: z.array(
    z.object({
      name: z.enum(backedUp),
      bytes: z.number().int().nonnegative(),
      sha256: z.string(),
    }),
  ),
});
export type Manifest = z.infer<typeof Manifest>;

export function hasKeys({ files }: Manifest): boolean {
  return keyFiles.every((key) => files.some(({ name }) => name === key));
}
