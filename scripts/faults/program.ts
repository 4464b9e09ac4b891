// One program of the project as a process in the harness's hand: started, stopped, continued and killed.
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { readChildren } from "#edge/runtime/process/proc.ts";

const root = join(import.meta.dirname, "..", "..");
/** How long an orderly end may take. */
const graceMs = 10_000;

export interface StartedWith {
  args: readonly string[];
  /** Added to the harness's own environment. */
  environment?: Readonly<Record<string, string>>;
  /** Instead of the program's own entry point: one that starts it as a child. */
  parent?: string;
}

export interface Program {
  start(how: StartedWith): void;
  pid(): number | undefined;
  /** The program itself, below its parent when it was started with one. */
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
  let hasParent = false;

  const running = (): boolean =>
    child !== undefined && child.exitCode === null && child.signalCode === null;
  /** A parent has no other child; the program itself may have many. */
  const innerPid = (): number | undefined => {
    const pid = running() ? child?.pid : undefined;
    if (pid === undefined || !hasParent) return pid;
    return readChildren(pid)?.[0] ?? pid;
  };
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
    start: ({ args, environment = {}, parent }) => {
      if (running()) throw new TypeError(`${entry} runs already`);
      const log = createWriteStream(logFile, { flags: "a" });
      // The channel ends the child when the harness is gone, however it went.
      const started = spawn(process.execPath, [join(root, parent ?? entry), ...args], {
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
      hasParent = parent !== undefined;
      ended = promise;
    },
    pid: () => (running() ? child?.pid : undefined),
    innerPid,
    running,
    endedBy: () => child?.signalCode ?? undefined,
    gone: () => ended,
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    kill: async () => {
      // A parent that only stands still cannot start it again.
      signal("SIGSTOP");
      const inner = innerPid();
      if (inner !== undefined && inner !== child?.pid) process.kill(inner, "SIGKILL");
      await endBy("SIGKILL");
    },
    stop: () => endBy("SIGTERM"),
  };
}
