// One program of the project as a process in the harness's hand: started, stopped, continued and killed.
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
/** How long an orderly end may take. */
const graceMs = 10_000;

export interface StartedWith {
  args: readonly string[];
  /** Added to the harness's own environment. */
  environment?: Readonly<Record<string, string>>;
  /** What stands before node on the command line, e.g. `["strace", "-f"]`. */
  wrapper?: readonly string[];
}

export interface Program {
  start(how: StartedWith): void;
  pid(): number | undefined;
  running(): boolean;
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
    signal("SIGCONT");
    signal(name);
    const timer = setTimeout(() => signal("SIGKILL"), graceMs);
    await ended;
    clearTimeout(timer);
  };

  return {
    start: ({ args, environment = {}, wrapper = [] }) => {
      if (running()) throw new TypeError(`${entry} runs already`);
      const [command = process.execPath, ...rest] = [
        ...[...wrapper, process.execPath],
        ...[join(root, entry), ...args],
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
    running,
    gone: () => ended,
    pause: () => signal("SIGSTOP"),
    resume: () => signal("SIGCONT"),
    kill: () => endBy("SIGKILL"),
    stop: () => endBy("SIGTERM"),
  };
}
