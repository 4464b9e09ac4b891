// Lets system calls of a running program fail, or be its last, with strace.
import { spawn } from "node:child_process";
import { NotStruck } from "./miss.ts";
import { atMost } from "./until.ts";

export interface Injection {
  /** Names with commas between, e.g. `fsync,fdatasync`. Never calls that programs use on sockets or pipes:
   *  a runtime may abort when it cannot wake its own loop. */
  calls: string;
  error: "EIO" | "ENOSPC" | "EROFS";
  /** The first call that fails, and then each so many; counted for each thread by itself. */
  first: number;
  step: number;
}

interface LastCall {
  calls: string;
  /** Only calls on this file count. */
  file: string;
  /** Which of them, counted for each thread by itself. */
  number: number;
}

const attachMs = 10_000;
const detachMs = 10_000;

/** The calls fail as long as the body runs, which is told when the first one has. Needs root or the program's own user, and ptrace.
 *  @returns how many calls failed */
export async function failingCalls(
  pid: number,
  { calls, error, first, step }: Injection,
  body: (hasFailed: Promise<void>) => Promise<void>,
): Promise<number> {
  const rule = `inject=${calls}:error=${error}:when=${first}+${step}`;
  return await tracing(pid, ["-e", `trace=${calls}`, "-e", rule], body);
}

/** SIGKILL as the program enters the call, which is then not made any more. */
export async function killingAtCall(
  pid: number,
  { calls, file, number }: LastCall,
  body: () => Promise<void>,
): Promise<void> {
  const rule = `inject=${calls}:signal=KILL:when=${number}`;
  await tracing(pid, ["-P", file, "-e", `trace=${calls}`, "-e", rule], body);
}

/** @returns how many calls failed */
async function tracing(
  pid: number,
  rules: readonly string[],
  body: (hasFailed: Promise<void>) => Promise<void>,
): Promise<number> {
  const child = spawn("strace", ["-f", "-p", String(pid), ...rules], {
    // Ctrl-C ends the harness, which ends it.
    stdio: ["ignore", "ignore", "pipe"],
  });
  let failed = 0;
  const { promise: attached, resolve } = Promise.withResolvers<void>();
  const { promise: hasFailed, resolve: resolveFailed } = Promise.withResolvers<void>();
  child.stderr.on("data", (chunk: Buffer) => {
    const text = chunk.toString();
    if (text.includes("attached")) resolve();
    failed += text.split("(INJECTED)").length - 1;
    if (failed > 0) resolveFailed();
  });
  const gone = new Promise<void>((done) => child.once("close", () => done()));
  child.once("error", () => undefined);
  try {
    await atMost(attachMs, Promise.race([attached, gone]));
    if (child.exitCode !== null) throw new NotStruck("strace could not look at the agent");
    await body(hasFailed);
  } finally {
    // It lets go of the program, which runs on; the kernel does that for one that will not.
    child.kill("SIGINT");
    await atMost(detachMs, gone);
    child.kill("SIGKILL");
    await gone;
  }
  return failed;
}
