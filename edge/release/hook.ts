// Runs a role's own validate script on a staged release, before anything that serves is touched.
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { FleetError } from "#shared/errors.ts";
import { contentOf } from "./content.ts";
import { errnoOf } from "./files.ts";
import { roleFile } from "./load.ts";
import type { StagedRevision } from "./port.ts";

const tailBytes = 4096;
const maxLineLength = 300;
const closeWithinMs = 1000;

interface HookOptions {
  /** 60 000 by default. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

interface HookResult {
  exitCode: number | null;
  exitSignal: NodeJS.Signals | null;
  output: string;
  endedBy: "itself" | "timeout" | "caller";
}

/** Does nothing for a role without a validate script. The script runs in the release's directory with
 *  the app's values as its environment and PATH as the agent has it.
 *  @throws FleetError role_rejected with the script's last line, interrupted */
export async function runValidateHook(
  staged: StagedRevision,
  options: HookOptions = {},
): Promise<void> {
  const script = staged.role.hooks.validate;
  if (script === undefined) return;
  const path = contentOf(staged.directory).locate(script);
  if (path === undefined) throw rejected(staged, script, "is not in the release");
  const { timeoutMs = 60_000 } = options;
  const result = await run(path, staged, { ...options, timeoutMs });
  if (result.endedBy === "caller") throw interrupted(staged);
  const fault = faultOf(result, timeoutMs);
  if (fault !== undefined) throw rejected(staged, script, fault);
}

async function run(
  path: string,
  staged: StagedRevision,
  { timeoutMs, signal }: HookOptions & { timeoutMs: number },
): Promise<HookResult> {
  const env = { ...staged.role.values, ...staged.spec.values, PATH: process.env["PATH"] ?? "" };
  const child = spawn(path, {
    cwd: staged.directory,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const tail = keepTail(child);
  let endedBy: HookResult["endedBy"] = "itself";
  const end = (by: HookResult["endedBy"]) => (): void => {
    endedBy = by;
    killGroup(child);
  };
  const timer = setTimeout(end("timeout"), timeoutMs);
  const onAbort = end("caller");
  if (signal?.aborted === true) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    const { exitCode, exitSignal } = await exitOf(child, staged);
    return { exitCode, exitSignal, output: await tail(), endedBy };
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** Waits for the script itself; what it has left running in its group ends with it. */
async function exitOf(
  child: ChildProcess,
  staged: StagedRevision,
): Promise<Pick<HookResult, "exitCode" | "exitSignal">> {
  const script = staged.role.hooks.validate ?? "";
  const exit = Promise.withResolvers<Pick<HookResult, "exitCode" | "exitSignal">>();
  child.once("exit", (exitCode, exitSignal) => exit.resolve({ exitCode, exitSignal }));
  child.once("error", (cause: NodeJS.ErrnoException) => {
    exit.reject(rejected(staged, script, `cannot be run (${cause.code ?? cause.message})`, cause));
  });
  const result = await exit.promise;
  killGroup(child);
  return result;
}

/** The last bytes of both streams. A descendant that has left the group may hold them open for ever, so
 *  they are cut off soon after the script's end. */
function keepTail(child: ChildProcess): () => Promise<string> {
  let tail = Buffer.alloc(0);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      tail = Buffer.concat([tail, chunk]).subarray(-tailBytes);
    });
  }
  return async () => {
    await Promise.race([closed, wait(closeWithinMs, undefined, { ref: false })]);
    child.stdout?.destroy();
    child.stderr?.destroy();
    return tail.toString("utf8");
  };
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

function faultOf(result: HookResult, timeoutMs: number): string | undefined {
  if (result.endedBy === "timeout") return `did not end within ${timeoutMs / 1000} s`;
  if (result.exitCode === 0) return undefined;
  const how =
    result.exitCode === null
      ? `was ended by ${result.exitSignal}`
      : `ended with code ${result.exitCode}`;
  const line = result.output.trim().split("\n").at(-1)?.trim().slice(0, maxLineLength) ?? "";
  return line === "" ? how : `${how}: ${line}`;
}

function rejected(
  staged: StagedRevision,
  script: string,
  fault: string,
  cause?: unknown,
): FleetError {
  return new FleetError("role_rejected", {
    message: `the validate script ${script} ${fault}`,
    where: { file: roleFile(staged.spec, script) },
    hint: "Run the script in the role's directory with the app's values; it must end with code 0.",
    ...(cause === undefined ? {} : { cause }),
  });
}

function interrupted(staged: StagedRevision): FleetError {
  return new FleetError("interrupted", {
    message: `the validation of app ${staged.spec.name} was interrupted`,
    subject: staged.spec.name,
  });
}
