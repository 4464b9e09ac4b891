// Ends all processes of one run: its group, and descendants that left the group but carry its marker.
import { setTimeout as wait } from "node:timers/promises";
import { FleetError } from "#shared/errors.ts";
import { isAlive, listStats, markerOf, type ProcStat, readStat } from "./proc.ts";

export interface RunTarget {
  nonce: string;
  /** The group's leader, once it is known. */
  leader?: { pid: number; startTicks: number };
}

/** How long the kernel may take to end what was killed; longer means a process stuck in a driver. */
const killedWithinMs = 5000;

/** Resolves when nothing of the run lives.
 *  @throws FleetError runtime_timeout when the kernel does not end it */
export async function endRun(
  target: RunTarget,
  options: { signal: string; graceMs: number },
): Promise<void> {
  signalRun(target, options.signal);
  if (await isGoneWithin(target, options.graceMs)) return;
  const deadline = performance.now() + killedWithinMs;
  while (performance.now() < deadline) {
    signalRun(target, "SIGKILL");
    if (await isGoneWithin(target, 200)) return;
  }
  throw new FleetError("runtime_timeout", {
    message: `Processes ${livingMembers(target).join(", ")} do not end although they were killed.`,
    hint: "They wait for a device or a file system; a reboot ends them.",
  });
}

/** Pids of the run that are not dead; asides (healthchecks, hooks) included. */
export function livingMembers(target: RunTarget): number[] {
  const { leader, nonce } = target;
  const hasGroup = leader !== undefined && readStat(leader.pid)?.startTicks === leader.startTicks;
  const inGroup = (stat: ProcStat) => hasGroup && stat.group === leader.pid;
  // Nothing of a run is older than its leader, and an environment costs more to read than a stat.
  const mayBeOf = (stat: ProcStat) => stat.startTicks >= (leader?.startTicks ?? 0);
  return listStats()
    .filter((stat) => inGroup(stat) || (mayBeOf(stat) && markerOf(stat.pid)?.nonce === nonce))
    .map((stat) => stat.pid);
}

/** The group gets the signal in one call, so that none of it can fork past it. */
function signalRun(target: RunTarget, signal: string): void {
  const { leader } = target;
  const members = livingMembers(target);
  const stats = members.map((pid) => readStat(pid)).filter((stat) => stat !== undefined);
  if (leader !== undefined && stats.some((stat) => stat.group === leader.pid)) {
    send(-leader.pid, signal);
  }
  for (const stat of stats) if (stat.group !== leader?.pid) send(stat.pid, signal);
}

async function isGoneWithin(target: RunTarget, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  for (let pauseMs = 10; ; pauseMs = Math.min(100, pauseMs * 2)) {
    const leads = target.leader !== undefined && isAlive(target.leader);
    if (!leads && livingMembers(target).length === 0) return true;
    const leftMs = deadline - performance.now();
    if (leftMs <= 0) return false;
    await wait(Math.min(pauseMs, leftMs));
  }
}

function send(pid: number, signal: string): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
