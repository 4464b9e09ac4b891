// The `fleet` command as a child process, against a hub of real store, bus and API on a real port.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHttpServer } from "#hub/server.ts";
import { systemClock } from "#shared/clock.ts";
import { createWorld, operatorToken, type World } from "#test/hub/api/world.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const usualLimitMs = 120_000;

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  env?: Record<string, string>;
  input?: string;
  /** The command is killed after this. */
  limitMs?: number;
}

export interface CommandWorld extends World {
  url: string;
  /** Of the command: its contexts lie below it. */
  home: string;
  /** Runs the command to its end, signed in by the environment. */
  fleet(words: string[], options?: CommandOptions): Promise<Outcome>;
  /** Starts the command; whatever still runs at the end is killed. */
  start(words: string[], options?: CommandOptions): RunningCommand;
  /** Until so many follow the changes: the one of the command before may not have gone yet. */
  untilWatchedBy(clients: number): Promise<void>;
}

export interface RunningCommand {
  child: ChildProcessWithoutNullStreams;
  /** Resolves once what was written so far to either stream matches. */
  shows(pattern: RegExp): Promise<string>;
  ended: Promise<Outcome>;
}

/** The words that start the command. */
export const commandLine = [process.execPath, join(root, "scripts/run.mjs"), "hub/cli/main.ts"];

export function startCommand(words: string[], options: CommandOptions): RunningCommand {
  const [program = "", ...args] = commandLine;
  const child = spawn(program, [...args, ...words], { env: { ...options.env } });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.limitMs ?? usualLimitMs);
  const written = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      written[name] += text;
      for (const tell of listeners) tell();
    });
  }
  // A command that does not read its input closes it.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const ended = new Promise<Outcome>((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, ...written });
      for (const tell of listeners) tell();
    });
  });
  const shows = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const all = written.stdout + written.stderr;
        if (!pattern.test(all) && child.exitCode === null && child.signalCode === null) return;
        listeners.delete(look);
        if (pattern.test(all)) resolve(all);
        else reject(new Error(`the command ended without ${pattern}: ${all}`));
      };
      listeners.add(look);
      look();
    });
  return { child, shows, ended };
}

/** @param parts more of the world's own, such as where its keys lie */
export async function createCommandWorld(
  parts: Pick<NonNullable<Parameters<typeof createWorld>[0]>, "directory"> = {},
): Promise<CommandWorld> {
  const world = await createWorld({ clock: wallClock(), ...parts });
  const home = await mkdtemp(join(tmpdir(), "fleet-command-"));
  const server = createHttpServer({
    ...{ host: "127.0.0.1", port: 0, fetch: world.app.fetch },
    onFault: () => undefined,
  });
  const { url } = await server.start();
  const running = new Set<RunningCommand>();
  const closeWorld = world.close;
  const start = (words: string[], { env, ...more }: CommandOptions = {}): RunningCommand => {
    const own = { HOME: home, FLEET_HUB: url, FLEET_TOKEN: operatorToken, ...env };
    const command = startCommand(words, { ...more, env: own });
    running.add(command);
    return command;
  };
  return Object.assign(world, {
    url,
    home,
    start,
    fleet: (words: string[], options?: CommandOptions) => start(words, options).ended,
    untilWatchedBy: async (clients: number) => {
      while (world.watch.clients() !== clients) await systemClock.sleep(20);
    },
    close: async () => {
      for (const { child } of running) child.kill("SIGKILL");
      world.watch.stop();
      await server.stop();
      await closeWorld();
      await rm(home, { recursive: true, force: true });
    },
  });
}

/** The command measures ages by the real time, so what the hub stores must have been just now. */
function wallClock(): World["clock"] {
  return {
    now: () => Date.now(),
    monotonicMs: () => performance.now(),
    // What sleeps no time would keep the server from its turn.
    sleep: systemClock.sleep,
    advance: () => undefined,
  };
}
