// Runs the hub and the agents as processes of their own, watched as the guard watches one, and ends them.
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { deadlineVariable } from "#edge/guard/pulse.ts";
import { createWatched, type End, type Watched } from "#edge/guard/watched.ts";

/** How long a child may take to end by itself. */
const graceMs = 4000;
/** An agent stops its containers first, and removes their networks, of which an Engine has only a few. */
const agentGraceMs = 30_000;
const maxPauseMs = 10_000;
/** Well above the longest that the loop waits for one answer of a Docker Engine that hangs. */
const agentDeadlineMs = 60_000;
const keptWords = 2000;
const root = join(import.meta.dirname, "..", "..");

export interface ChildSpec {
  name: string;
  /** Entry point below the project's root. */
  entry: string;
  args: string[];
  /** Gets the child's output. */
  logFile: string;
  /** An agent, which tells that its loop comes round; one that falls silent is killed. */
  isAgent?: boolean;
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
  watched: Watched;
}

/** @param onDeath told when a child ended that nobody had asked to
 *  @param deadlineMs the longest silence of an agent */
export function createChildren(
  onDeath: (name: string, how: string) => void,
  deadlineMs = agentDeadlineMs,
): Children {
  const running = new Map<string, Running>();
  let stopping = false;

  const begin = (spec: ChildSpec, died: (how: string) => void): Watched => {
    let words = "";
    return createWatched({
      maxPauseMs,
      ...(spec.isAgent === true ? { deadlineMs } : {}),
      launch: () => {
        words = "";
        const child = launch(spec, deadlineMs);
        child.stderr?.on("data", (chunk: Buffer) => {
          words = `${words}${chunk.toString()}`.slice(-keptWords);
        });
        return child;
      },
      onEnd: (end) => {
        if (stopping) return;
        const how = describeEnd(end, words);
        onDeath(spec.name, how);
        died(how);
      },
    });
  };

  const end = async ({ spec, watched }: Running): Promise<void> => {
    watched.stop("SIGTERM", spec.isAgent === true ? agentGraceMs : graceMs);
    await watched.ended;
  };

  return {
    start: (spec) => {
      const { promise, resolve } = Promise.withResolvers<string>();
      if (stopping) return promise;
      const watched = begin(spec, resolve);
      running.set(spec.name, { spec, watched });
      watched.start();
      return promise;
    },
    pid: (name) => running.get(name)?.watched.pid(),
    stop: async () => {
      stopping = true;
      const all = [...running.values()];
      const hub = all.filter(({ spec }) => spec.name === "hub");
      await Promise.all(all.filter((one) => !hub.includes(one)).map(end));
      await Promise.all(hub.map(end));
    },
  };
}

/** The channel tells a child that this process is gone, however it went. */
function launch({ entry, args, logFile }: ChildSpec, deadlineMs: number): ChildProcess {
  const log = createWriteStream(logFile, { flags: "a" });
  const child = spawn(process.execPath, [join(root, entry), ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, [deadlineVariable]: String(deadlineMs) },
  });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  child.once("close", () => log.end());
  return child;
}

/** Hub and agents write to standard error only the sentence, and the hint, that they end with. */
function describeEnd({ code, signal, silentMs }: End, words: string): string {
  const silent = silentMs === undefined ? "" : `, silent for ${Math.round(silentMs / 1000)} s`;
  const how = `${signal ?? `exit code ${code}`}${silent}`;
  const said = words.trim().split("\n").slice(0, 2).join(" ");
  return said === "" ? how : `${how}: ${said}`;
}
