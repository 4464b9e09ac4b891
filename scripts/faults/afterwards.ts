// Runs a command when something is over: when it is told so, or when the harness is gone, however it went.
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { once } from "#shared/once.ts";
import { notSurvived } from "./until.ts";

export interface Afterwards {
  /** Runs the command now, at most once.
   *  @throws when the command fails */
  run(): Promise<void>;
}

/** Reads until the harness closes the pipe, or its death does. */
const waiting = 'cat >/dev/null; exec "$@"';

/** A process of its own keeps the command, in a session of its own: Ctrl-C does not reach it, and not even
 *  SIGKILL to the harness keeps the command from being run. */
export function afterwards(command: readonly string[]): Afterwards {
  const child = spawn("sh", ["-c", waiting, "sh", ...command], {
    detached: true,
    stdio: ["pipe", "ignore", "pipe"],
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  // It must not keep a harness alive that has nothing else to do.
  child.unref();
  for (const end of [child.stdin, child.stderr]) hold(end, "unref");
  return {
    run: once(async () => {
      child.ref();
      hold(child.stderr, "ref");
      child.stdin.end();
      const code = await ended;
      if (code === 0) return;
      throw notSurvived(`${command.join(" ")} failed: ${Buffer.concat(said).toString().trim()}`);
    }),
  };
}

/** The pipes to a child are sockets, which the types do not say. */
function hold(end: Readable | Writable, how: "ref" | "unref"): void {
  const socket = end as Partial<Record<typeof how, () => void>>;
  socket[how]?.();
}
