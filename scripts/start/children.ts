// Runs the hub and the agents as processes of their own, starts them again when they die, and ends them.
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, type WriteStream } from "node:fs";
import { join } from "node:path";

/** How long a child may take to end by itself. */
const graceMs = 4000;
const restart = { baseMs: 500, maxMs: 10_000 };
/** A child that ran this long starts again without much delay. */
const steadyMs = 30_000;
const keptWords = 2000;
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
  /** @returns how it ended first, if it ever ends by itself */
  start(spec: ChildSpec): Promise<string>;
  pid(name: string): number | undefined;
  /** Ends all, the hub last, and starts none any more; kills what is still there after the grace. */
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

  const launch = (spec: ChildSpec, failures: number, died: (how: string) => void): void => {
    if (stopping) return;
    const began = performance.now();
    const log = createWriteStream(spec.logFile, { flags: "a" });
    // The channel tells a child that this process is gone, however it went.
    const child = spawn(process.execPath, [join(root, spec.entry), ...spec.args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    let words = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      words = `${words}${chunk.toString()}`.slice(-keptWords);
    });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    child.once("close", (code, signal) => {
      resolve();
      log.end();
      if (stopping) return;
      const how = describeEnd(code, signal, words);
      onDeath(spec.name, how);
      died(how);
      const next = performance.now() - began > steadyMs ? 0 : failures + 1;
      const pauseMs = Math.min(restart.maxMs, restart.baseMs * 2 ** next);
      setTimeout(() => launch(spec, next, died), pauseMs).unref();
    });
    running.set(spec.name, { spec, process: child, log, ended });
  };

  return {
    start: (spec) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      launch(spec, 0, resolve);
      return promise;
    },
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

/** Hub and agents write to standard error only the sentence, and the hint, that they end with. */
function describeEnd(code: number | null, signal: string | null, words: string): string {
  const how = signal ?? `exit code ${code}`;
  const said = words.trim().split("\n").slice(0, 2).join(" ");
  return said === "" ? how : `${how}: ${said}`;
}

async function end({ process: child, ended }: Running): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
  await ended;
  clearTimeout(timer);
}
