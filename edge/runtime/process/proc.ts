// Reads what Linux says of processes in /proc: identity, group, marker.
import { readdirSync, readFileSync } from "node:fs";
import { type Marker, markerVariable, parseMarker } from "./marker.ts";

export interface ProcStat {
  pid: number;
  /** `Z` and `X` are dead and only wait to be reaped. */
  state: string;
  group: number;
  /** Clock ticks from boot to the start of the process; with the boot id it makes a pid unique. */
  startTicks: number;
}

/** One process that carries a marker of ours. */
export interface MarkedProcess extends ProcStat {
  marker: Marker;
}

/** @see proc_pid_stat(5): the fields after the command's closing parenthesis start with number 3 */
export function readStat(pid: number): ProcStat | undefined {
  const text = readProc(pid, "stat");
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    pid,
    state: fields[0] ?? "X",
    group: Number(fields[2]),
    startTicks: Number(fields[19]),
  };
}

export function isDead(stat: ProcStat): boolean {
  return stat.state === "Z" || stat.state === "X";
}

/** Whether this very process still runs; a reused pid has other start ticks. */
export function isAlive(identity: { pid: number; startTicks: number }): boolean {
  const stat = readStat(identity.pid);
  return stat !== undefined && !isDead(stat) && stat.startTicks === identity.startTicks;
}

export function listStats(): ProcStat[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== undefined && !isDead(stat)) as ProcStat[];
}

/** Living processes whose environment holds a marker. Those of other users cannot be read and are none
 *  of ours. */
export function listMarked(): MarkedProcess[] {
  return listStats().flatMap((stat) => {
    const marker = markerOf(stat.pid);
    return marker === undefined ? [] : [{ ...stat, marker }];
  });
}

export function markerOf(pid: number): Marker | undefined {
  const start = `${markerVariable}=`;
  const entry = readProc(pid, "environ")
    ?.split("\0")
    .find((variable) => variable.startsWith(start));
  return entry === undefined ? undefined : parseMarker(entry.slice(start.length));
}

export function readArguments(pid: number): string[] {
  return readProc(pid, "cmdline")?.split("\0") ?? [];
}

/** Undefined where the kernel does not list children (CONFIG_PROC_CHILDREN) or the process is gone. */
export function readChildren(pid: number): number[] | undefined {
  return readProc(pid, `task/${pid}/children`)?.trim().split(" ").filter(Boolean).map(Number);
}

export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** Undefined when the process is gone or belongs to someone else. */
function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}
