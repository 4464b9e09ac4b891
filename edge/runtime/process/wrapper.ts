// Starts a program in a session of its own under a small shell that writes down how it ended.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import { FleetError } from "#shared/errors.ts";
import { needsEnv } from "./environment.ts";
import type { Launch } from "./launch.ts";
import { markerVariable } from "./marker.ts";
import { type MarkedProcess, readArguments, readChildren, readStat } from "./proc.ts";

/** Its traps keep the shell alive while the group is signalled, and a trapped signal is the default
 *  again in the program. In the end nothing of the group stays, as when a container's first process
 *  ends. Descriptor 3 is the exit file. */
const script = `
trap : HUP INT QUIT PIPE ALRM TERM USR1 USR2
exec 4>&2 2>/dev/null
"$@" 2>&4 3>&- 4>&-
echo "$?" >&3
kill -s KILL 0
`;

const shellName = "metrica-fleet";
const programWithinMs = 2000;

export interface StartedRun {
  pid: number;
  program: number;
  startTicks: number;
  /** What the agent saw of the end; the exit file knows better where it is written. */
  exited: Promise<number>;
}

export interface Descriptors {
  stdout: number;
  stderr: number;
  exit: number;
}

/** @throws FleetError start_failed when the system refuses another process */
export async function startRun(
  launch: Launch,
  marker: string,
  descriptors: Descriptors,
): Promise<StartedRun> {
  const { environment, command } = throughShell(launch);
  const { stdout, stderr, exit } = descriptors;
  const child = spawn("/bin/sh", ["-c", script, shellName, ...command], {
    cwd: launch.directory,
    env: { ...environment, [markerVariable]: marker },
    detached: true,
    stdio: ["ignore", stdout, stderr, exit],
    ...(launch.uid === undefined ? {} : { uid: launch.uid }),
    ...(launch.gid === undefined ? {} : { gid: launch.gid }),
  });
  child.unref();
  const { pid } = child;
  if (pid === undefined) throw await startFailure(once(child, "error"), launch);
  const startTicks = readStat(pid)?.startTicks ?? 0;
  const exited = once(child, "exit").then(([code, signal]) => exitCodeOf(code, signal));
  return { pid, program: await findProgramPid(pid), startTicks, exited };
}

/** The run of that nonce among marked processes: the wrapper itself, and neither an aside nor a
 *  descendant that made a session of its own. */
export async function adoptableRun(
  nonce: string,
  marked: readonly MarkedProcess[],
): Promise<Omit<StartedRun, "exited"> | undefined> {
  const wrapper = marked.find(
    ({ pid, marker }) => marker.nonce === nonce && !marker.aside && isShell(pid),
  );
  if (wrapper === undefined) return undefined;
  const { pid, startTicks } = wrapper;
  return { pid, startTicks, program: await findProgramPid(pid) };
}

/** The shell's only child, once it is the program and no more the forked shell: until then a signal
 *  would be lost in the shell's traps. The shell itself where the kernel lists no children. */
async function findProgramPid(pid: number): Promise<number> {
  const deadline = performance.now() + programWithinMs;
  while (performance.now() < deadline) {
    const children = readChildren(pid);
    if (children === undefined) return pid;
    const [program] = children;
    if (program !== undefined && !isShell(program)) return program;
    await wait(5);
  }
  return pid;
}

function isShell(pid: number): boolean {
  return readArguments(pid)[3] === shellName;
}

/** Variables that a shell would lose go through `env`, and so appear in its arguments; all others
 *  are visible to the process's owner alone. */
function throughShell(launch: Launch): {
  environment: Record<string, string>;
  command: string[];
} {
  const all = Object.entries(launch.environment);
  const odd = all.filter(([name]) => needsEnv(name)).map(([name, value]) => `${name}=${value}`);
  return {
    environment: Object.fromEntries(all.filter(([name]) => !needsEnv(name))),
    command: odd.length === 0 ? launch.command : ["/usr/bin/env", ...odd, ...launch.command],
  };
}

async function startFailure(failed: Promise<unknown[]>, launch: Launch): Promise<FleetError> {
  const [cause] = (await failed) as [NodeJS.ErrnoException];
  return new FleetError("start_failed", {
    message: `The system refused to start ${launch.command[0]} (${cause.code}).`,
    hint: "Look at the device's memory and process limits.",
    retry: cause.code === "EAGAIN" || cause.code === "ENOMEM" ? "later" : "never",
    cause,
  });
}

/** As shells and Docker count: 128 and the number of the signal. */
function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
