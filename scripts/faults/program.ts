// One program of the project as a process in the harness's hand: started, stopped, continued and killed.
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { markerOf, readChildren } from "#edge/runtime/process/proc.ts";

const root = join(import.meta.dirname, "..", "..");
/** How long an orderly end may take. */
const graceMs = 10_000;

export interface StartedWith {
  args: readonly string[];
  /** Added to the harness's own environment. */
  environment?: Readonly<Record<string, string>>;
  /** What stands before node on the command line, e.g. `["strace", "-f"]`. */
  wrapper?: readonly string[];
  /** Instead of the program's own entry point: one that starts it as a child. */
  parent?: string;
}

export interface Program {
  start(how: StartedWith): void;
  pid(): number | undefined;
  /** The program itself, below a parent or wrapper. */
  innerPid(): number | undefined;
  running(): boolean;
  /** The signal that ended the last process; undefined when it runs or ended by itself. */
  endedBy(): NodeJS.Signals | undefined;
  /** Settles when the process is gone; at once when there is none. */
  gone(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL after a while. */
  stop(): Promise<void>;
}

/** @param entry below the project's root */
export function createProgram({ entry, logFile }: { entry: string; logFile: string }): Program {
  let child: ChildProcess | undefined;
  let ended: Promise<void> = Promise.resolve();

  const running = (): boolean =>
    child !== undefined && child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals): void => {
    if (running()) child?.kill(name);
  };
  const endBy = async (name: NodeJS.Signals): Promise<void> => {
    signal(name);
    signal("SIGCONT");
    const timer = setTimeout(() => signal("SIGKILL"), graceMs);
    await ended;
    clearTimeout(timer);
  };

  return {
    start: ({ args, environment = {}, wrapper = [], parent }) => {
      if (running()) throw new TypeError(`${entry} runs already`);
      const [command = process.execPath, ...rest] = [
        ...[...wrapper, process.execPath],
        ...[join(root, parent ?? entry), ...args],
      ];
      const log = createWriteStream(logFile, { flags: "a" });
      // The channel ends the child when the harness is gone, however it went.
      const started = spawn(command, rest, {
        cwd: root,
        env: { ...process.env, ...environment },
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      });
      started.stdout?.pipe(log, { end: false });
      started.stderr?.pipe(log, { end: false });
      const { promise, resolve } = Promise.withResolvers<void>();
      started.once("error", (error) => log.write(`${error.message}\n`));
      started.once("close", () => {
        log.end();
        resolve();
      });
      child = started;
      ended = promise;
    },
    pid: () => (running() ? child?.pid : undefined),
    innerPid: () => (running() && child?.pid !== undefined ? innermost(child.pid) : undefined),
    running,
    endedBy: () => child?.signalCode ?? undefined,
    gone: () => ended,
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    kill: async () => {
      // A parent that only stands still cannot start it again.
      signal("SIGSTOP");
      const inner = child?.pid === undefined || !running() ? undefined : innermost(child.pid);
      if (inner !== undefined && inner !== child?.pid) process.kill(inner, "SIGKILL");
      await endBy("SIGKILL");
    },
    stop: () => endBy("SIGTERM"),
  };
}

/** Below wrappers and parents: children that are no workload. */
function innermost(pid: number): number {
  const [only] = (readChildren(pid) ?? []).filter((child) => markerOf(child) === undefined);
  return only === undefined ? pid : innermost(only);
}
