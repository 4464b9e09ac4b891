// Names that travel between the sides, as branded strings with their grammar.
import { z } from "zod";

/** A device: also its MQTT username and client id, and a directory name. */
export const DeviceId = z
  .string()
  .regex(/^[a-z0-9-]{1,63}$/, "must be 1 to 63 characters of a-z, 0-9 and -")
  .brand("DeviceId");
export type DeviceId = z.infer<typeof DeviceId>;

/** A deployment on one device; also the Compose project's name. */
export const AppName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be 1 to 63 characters of a-z, 0-9, _ and -")
  .brand("AppName");
export type AppName = z.infer<typeof AppName>;

export const RoleName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, "must be 1 to 63 characters of a-z, 0-9, ., _ and -");
export type RoleName = z.infer<typeof RoleName>;

/** Lower-case hex sha256 of a bundle: the name of a release. */
export const Digest = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "must be a sha256 in lower-case hex")
  .brand("Digest");
export type Digest = z.infer<typeof Digest>;

/** What an app is to run, in one name: sha256 over release digest, values and policy. */
export const RevisionId = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand("RevisionId");
export type RevisionId = z.infer<typeof RevisionId>;

/** Git's object id, sha1 or sha256. */
export const CommitId = z.string().regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/);
export type CommitId = z.infer<typeof CommitId>;

/** Kubernetes' label grammar without the prefix. */
export const LabelKey = z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/);
export const LabelValue = z.string().regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/);
export const Labels = z.record(LabelKey, LabelValue);
export type Labels = z.infer<typeof Labels>;

/** Values for interpolation, by the environment's grammar for names. */
export const ValueName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a variable's name");
export const Values = z.record(ValueName, z.string());
export type Values = z.infer<typeof Values>;
