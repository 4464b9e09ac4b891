// Whether the disk has room, asked before a download and before an unpacking.
import { statfs } from "node:fs/promises";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { errnoOf } from "#shared/files.ts";

/** Free blocks for this user and their size, as statfs(2) gives them. */
export type StatDisk = (path: string) => Promise<{ bavail: number; bsize: number }>;

export const statDisk: StatDisk = (path) => statfs(path);

interface Need {
  directory: string;
  bytes: number;
  /** What stays free for the journal and for the workloads. */
  reserveBytes: number;
  /** What the room is for, e.g. `release 1a2b3c4d5e6f`. */
  subject: string;
}

/** @throws FleetError disk_short with how much is missing */
export async function requireSpace(need: Need, stat: StatDisk): Promise<void> {
  const { bavail, bsize } = await stat(need.directory);
  const missing = need.bytes + need.reserveBytes - bavail * bsize;
  if (missing <= 0) return;
  throw new FleetError("disk_short", {
    message: `the disk is short by ${megabytes(missing)} for ${need.subject}: ${megabytes(need.bytes)} are needed and ${megabytes(need.reserveBytes)} stay in reserve`,
    hint: `Free some space on the file system of ${need.directory}, or lower disk.reserveMegabytes in agent.yaml.`,
    subject: need.directory,
  });
}

/** A failed write: `disk_short` when the file system is full, else `internal` as asFleetError has it. */
export function diskError(error: unknown, path: string): FleetError {
  if (!isFull(error)) return asFleetError(error);
  return new FleetError("disk_short", {
    message: `the disk became full while ${path} was written`,
    hint: "Free some space on its file system.",
    subject: path,
    cause: error,
  });
}

/** Whether the file system, or this user's share of it, has no room. */
export function isFull(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOSPC" || errno === "EDQUOT";
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(bytes < 10_000_000 ? 1 : 0)} MB`;
}
