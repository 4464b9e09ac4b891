// The forwarder's record on disk: which process it is, so that one that hangs can be ended.
import { closeSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, readBootId, readStat } from "#edge/runtime/process/proc.ts";

export interface Identity {
  pid: number;
  /** With the boot id it tells the process from a later one of the same pid. */
  startTicks: number;
  bootId: string;
}

const recordName = "forwarder.json";
const socketName = "control";

/** The forwarder writes down itself, so that no moment exists in which it runs unrecorded and reachable. */
export function recordSelf(directory: string): void {
  const startTicks = readStat(process.pid)?.startTicks ?? 0;
  const identity: Identity = { pid: process.pid, startTicks, bootId: readBootId() };
  const path = join(directory, recordName);
  writeFileSync(`${path}.tmp`, JSON.stringify(identity), { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

/** Undefined when none is recorded or it no longer lives. */
export function livingForwarder(directory: string): Identity | undefined {
  try {
    const identity = JSON.parse(readFileSync(join(directory, recordName), "utf8")) as Identity;
    return identity.bootId === readBootId() && isAlive(identity) ? identity : undefined;
  } catch {
    return undefined;
  }
}

/** Lends a short path to the control socket: the kernel takes no more than 107 bytes for one.
 *  @see unix(7), "sun_path" */
export async function withSocketPath<T>(
  directory: string,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const descriptor = openSync(directory, "r");
  try {
    return await use(`/proc/self/fd/${descriptor}/${socketName}`);
  } finally {
    closeSync(descriptor);
  }
}
