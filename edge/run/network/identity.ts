// Which processes guard and apply a change of the network: a dead guard is replaced, and what still applies is ended.
import { readFileSync } from "node:fs";
import { isAlive, readBootId, readStat } from "#edge/runtime/process/proc.ts";
import { writeFileAtomicSync } from "#shared/files.ts";

interface Identity {
  pid: number;
  /** With the boot id it tells the process from a later one of the same pid. */
  startTicks: number;
  bootId: string;
}

export function recordProcess(file: string, pid: number): void {
  const startTicks = readStat(pid)?.startTicks ?? 0;
  const identity: Identity = { pid, startTicks, bootId: readBootId() };
  writeFileAtomicSync(file, JSON.stringify(identity), 0o600);
}

/** The pid, or undefined when none is recorded or it no longer lives. */
export function livingGuard(file: string): number | undefined {
  return livingProcess(file)?.pid;
}

/** Undefined when none is recorded or it no longer lives. */
export function livingProcess(file: string): Identity | undefined {
  try {
    const identity = JSON.parse(readFileSync(file, "utf8")) as Identity;
    return identity.bootId === readBootId() && isAlive(identity) ? identity : undefined;
  } catch {
    return undefined;
  }
}
