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
  /** Written to its standard input, which is empty otherwise. */
  input?: string;
  /** Told its pid, which is its group's, before it can have ended. */
  onStart?: ((pid: number) => void) | undefined;
  /** Told all of its output as it comes. */
  onOutput?: ((stream: "stdout" | "stderr", text: string) => void) | undefined;
}

export interface OneShotResult {
  /** Absent when it never started or was ended by a signal. */
  exitCode?: number;
  exitSignal?: NodeJS.Signals;
  timedOut: boolean;
  /** The errno when it could not be started, e.g. `ENOENT`. */
  errno?: string;
  /** The last characters of both streams. */
  output: string;
}

const outputLimit = 2000;
const lineLimit = 300;

/** Of Node's `exit` event. */
type Exit = [exitCode: number, exitSignal: null] | [exitCode: null, exitSignal: NodeJS.Signals];

/** What cannot start is a result, not an exception. At the deadline or the abort the whole group is
 *  killed, and so is whatever the command leaves behind. */
export async function runOnce(shot: OneShot): Promise<OneShotResult> {
  const [program = "", ...rest] = shot.command;
  const child = spawn(program, rest, {
    cwd: shot.directory,
    env: shot.environment,
    detached: true,
    stdio: [shot.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(shot.uid === undefined ? {} : { uid: shot.uid }),
    ...(shot.gid === undefined ? {} : { gid: shot.gid }),
  });
  if (child.pid !== undefined) shot.onStart?.(child.pid);
  const { stdout, stderr } = child as { stdout: Readable; stderr: Readable };
  const output = collect({ stdout, stderr }, shot.onOutput);
  // One that ends without reading it is judged by its exit code.
  child.stdin?.on("error", () => undefined).end(shot.input);
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

/** What a person is told of the end; undefined when the command passed.
 *  @param limitMs the deadline that it had */
export function endingOf(result: OneShotResult, limitMs: number): string | undefined {
  const { exitCode, exitSignal, errno, timedOut, output } = result;
  if (exitCode === 0) return undefined;
  if (timedOut) return `did not end within ${limitMs / 1000} s`;
  if (errno !== undefined) return `could not start (${errno})`;
  const how = exitCode === undefined ? `was ended by ${exitSignal}` : `ended with code ${exitCode}`;
  const line = output.split("\n").at(-1)?.trim().slice(0, lineLimit) ?? "";
  return line === "" ? how : `${how}: ${line}`;
}

/** Waits for the exit and then shortly for the rest of the output: a descendant may hold the pipe. */
async function settle(
  child: ChildProcess,
): Promise<Pick<OneShotResult, "exitCode" | "exitSignal" | "errno">> {
  try {
    const closed = once(child, "close");
    closed.catch(() => undefined);
    const [exitCode, exitSignal] = (await once(child, "exit")) as Exit;
    killGroup(child);
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 200).unref())]);
    return exitCode === null ? { exitSignal } : { exitCode };
  } catch (error) {
    return { errno: (error as NodeJS.ErrnoException).code ?? "EUNKNOWN" };
  } finally {
    child.stdout?.destroy();
    child.stderr?.destroy();
  }
}

function collect(
  streams: Record<"stdout" | "stderr", Readable>,
  onOutput: OneShot["onOutput"],
): () => string {
  let text = "";
  for (const name of ["stdout", "stderr"] as const) {
    streams[name].setEncoding("utf8");
    streams[name].on("data", (chunk: string) => {
      text = (text + chunk).slice(-outputLimit);
      onOutput?.(name, chunk);
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
