// Which process guards a change of the network, so that a dead one is noticed and replaced.
import { readFileSync } from "node:fs";
import { isAlive, readBootId, readStat } from "#edge/runtime/process/proc.ts";
import { writeFileAtomicSync } from "#shared/files.ts";

interface Identity {
  pid: number;
  /** With the boot id it tells the process from a later one of the same pid. */
  startTicks: number;
  bootId: string;
}

export function recordGuard(file: string): void {
  const startTicks = readStat(process.pid)?.startTicks ?? 0;
  const identity: Identity = { pid: process.pid, startTicks, bootId: readBootId() };
  writeFileAtomicSync(file, JSON.stringify(identity), 0o600);
}

/** The pid, or undefined when none is recorded or it no longer lives. */
export function livingGuard(file: string): number | undefined {
  try {
    const identity = JSON.parse(readFileSync(file, "utf8")) as Identity;
    const lives = identity.bootId === readBootId() && isAlive(identity);
    return lives ? identity.pid : undefined;
  } catch {
    return undefined;
  }
}
