// Runs one short command in a process group of its own, with a deadline, and keeps the end of its output.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";

export interface OneShot {
  command: readonly string[];
  directory: string;
  environment: Readonly<Record<string, string>>;
  timeoutMs: number;
  uid?: number;
  gid?: number;
  signal?: AbortSignal | undefined;
}

export interface OneShotResult {
  /** Absent when it never started or was ended by a signal. */
  exitCode?: number;
  timedOut: boolean;
  /** The errno when it could not be started, e.g. `ENOENT`. */
  errno?: string;
  /** The last characters of both streams. */
  output: string;
}

const outputLimit = 2000;

/** What cannot start is a result, not an exception. At the deadline or the abort the whole group is
 *  killed, and so is whatever the command leaves behind. */
export async function runOnce(shot: OneShot): Promise<OneShotResult> {
  const [program = "", ...rest] = shot.command;
  const child = spawn(program, rest, {
    cwd: shot.directory,
    env: shot.environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    ...(shot.uid === undefined ? {} : { uid: shot.uid }),
    ...(shot.gid === undefined ? {} : { gid: shot.gid }),
  });
  const output = collect([child.stdout, child.stderr]);
  const deadline = AbortSignal.timeout(shot.timeoutMs);
  const signal = shot.signal === undefined ? deadline : AbortSignal.any([deadline, shot.signal]);
  const kill = () => killGroup(child);
  signal.addEventListener("abort", kill);
  if (signal.aborted) kill();
  const ending = await settle(child);
  signal.removeEventListener("abort", kill);
  const timedOut = deadline.aborted && ending.exitCode === undefined;
  return { ...ending, timedOut, output: output() };
}

/** Waits for the exit and then shortly for the rest of the output: a descendant may hold the pipe. */
async function settle(child: ChildProcess): Promise<{ exitCode?: number; errno?: string }> {
  try {
    const closed = once(child, "close");
    closed.catch(() => undefined);
    const [code] = (await once(child, "exit")) as [number | null];
    killGroup(child);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200).unref())]);
    return code === null ? {} : { exitCode: code };
  } catch (error) {
    return { errno: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" };
  } finally {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function collect(streams: readonly Readable[]): () => string {
  let text = "";
  for (const stream of streams) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      text = (text + chunk).slice(-outputLimit);
    });
  }
  return () => text.trim();
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // ESRCH: nothing of the group is left.
  }
}
