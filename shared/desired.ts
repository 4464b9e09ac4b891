// What the hub wants of one device: the document that travels signed on the retained topic.
import { z } from "zod";
import { canonicalHash } from "./canonical.ts";
import { AppName, CommitId, DeviceId, Digest, type RevisionId, RoleName, Values } from "./ids.ts";
import { RunOrder } from "./run.ts";
import { MaintenanceWindow } from "./window.ts";

/** How an app's update behaves on the device; the hub fills it from role.yaml and fleet.yaml. */
export const AppPolicy = z.object({
  /** Ms after the start of services within which the release must become healthy. */
  gracePeriodMs: z.number().int().min(1000).max(86_400_000),
  /** Ms for which every service must have been up and healthy before the update is committed. */
  stableMs: z.number().int().min(0).max(3_600_000),
});
export type AppPolicy = z.infer<typeof AppPolicy>;

/** When an app may change. No part of the revision: another window is no other release. */
export const UpdateRules = z.object({
  /** What serves is replaced only within one of these; preparing goes on at any time. */
  windows: z.array(MaintenanceWindow).max(16).exactOptional(),
  /** The app stays at what it runs, until Unix ms `until` if that is given. */
  lock: z.object({ reason: z.string(), until: z.number().int().exactOptional() }).exactOptional(),
  /** For how long, in ms, the app itself may hold an update back by its lock file or pre-update hook. */
  maxHoldMs: z.number().int().nonnegative(),
});
export type UpdateRules = z.infer<typeof UpdateRules>;

export const ReleaseRef = z.object({
  digest: Digest,
  /** Bundle size in bytes, for the disk check before the download. */
  size: z.number().int().nonnegative(),
  role: RoleName,
  /** The commit that last changed this app on this device. */
  commit: CommitId,
  branch: z.string(),
});
export type ReleaseRef = z.infer<typeof ReleaseRef>;

export const AppSpec = z.object({
  name: AppName,
  release: ReleaseRef,
  values: Values,
  policy: AppPolicy,
  rules: UpdateRules.exactOptional(),
});
export type AppSpec = z.infer<typeof AppSpec>;

export const DesiredMode = z.enum(["run", "hold", "safe"]);
export type DesiredMode = z.infer<typeof DesiredMode>;

/** How often a device that saves power looks, and whether its connection stays up in between. */
export const Rhythm = z.object({
  intervalMs: z.number().int().min(1000).max(86_400_000),
  connection: z.enum(["keep", "sleep"]),
});
export type Rhythm = z.infer<typeof Rhythm>;

export const DesiredState = z.object({
  device: DeviceId,
  /** Only rises. A rollback is a new generation that names an old release. */
  generation: z.number().int().positive(),
  /** Unix ms by the hub's clock: for people, and to tell that a device's clock cannot be right. */
  issuedAt: z.number().int(),
  mode: DesiredMode,
  apps: z.array(AppSpec),
  /** Another number than the last one that the device obeyed: leave safe mode and try again what failed. */
  retry: z.number().int().positive().exactOptional(),
  /** What runs in safe mode when no last good release is healthy; prepared beforehand. */
  safeStack: AppSpec.exactOptional(),
  /** Absent: the device's own interval and heartbeat hold. */
  rhythm: Rhythm.exactOptional(),
  /** What the device is to do once, beside being so. */
  run: RunOrder.exactOptional(),
});
export type DesiredState = z.infer<typeof DesiredState>;

/** What a desired state says, without its number and time. */
export type DesiredContent = Omit<DesiredState, "generation" | "issuedAt">;

/** sha256 of the canonical content: the same wish has the same hash whatever its generation. Pure. */
export function specHash(desired: DesiredContent | DesiredState): string {
  const { device, mode, apps, retry, safeStack, rhythm, run } = desired;
  return canonicalHash({ device, mode, apps, retry, safeStack, rhythm, run });
}

/** Names what an app is to run: content, values and policy, but not the commit that asked for it. */
export function revisionOf(app: AppSpec): RevisionId {
  const { name, release, values, policy } = app;
  return canonicalHash({ name, digest: release.digest, values, policy }) as RevisionId;
}
