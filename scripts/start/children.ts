// Runs the hub and the agents as processes of their own, starts them again when they die, and ends them.
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";

/** How long a child may take to end by itself. */
const graceMs = 4000;
const restartAfterMs = 500;
const root = join(import.meta.dirname, "..", "..");

export interface ChildSpec {
  name: string;
  /** Entry point below the project's root. */
  entry: string;
  args: string[];
  /** Gets the child's output. */
  logFile: string;
}

export interface Children {
  start(spec: ChildSpec): void;
  pid(name: string): number | undefined;
  /** Ends all, the last started first; kills what is still there after the grace. */
  stop(): Promise<void>;
}

interface Running {
  spec: ChildSpec;
  process: ChildProcess;
  log: WriteStream;
  ended: Promise<void>;
}

/** @param onDeath told when a child ended that nobody had asked to */
export function createChildren(onDeath: (name: string, how: string) => void): Children {
  const running = new Map<string, Running>();
  let stopping = false;

  const start = (spec: ChildSpec): void => {
    const log = createWriteStream(spec.logFile, { flags: "a" });
    // The channel tells a child that this process is gone, however it went.
    const child = spawn(process.execPath, [join(root, spec.entry), ...spec.args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    child.once("exit", (code, signal) => {
      resolve();
      log.end();
      if (stopping) return;
      onDeath(spec.name, signal ?? `exit code ${code}`);
      setTimeout(() => stopping || start(spec), restartAfterMs).unref();
    });
    running.set(spec.name, { spec, process: child, log, ended });
  };

  return {
    start,
    pid: (name) => running.get(name)?.process.pid,
    stop: async () => {
      stopping = true;
      const all = [...running.values()];
      const hub = all.filter(({ spec }) => spec.name === "hub");
      await Promise.all(all.filter((one) => !hub.includes(one)).map(end));
      await Promise.all(hub.map(end));
    },
  };
}

async function end({ process: child, ended }: Running): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(timer);
}
