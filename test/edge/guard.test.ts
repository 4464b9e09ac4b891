import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { suite } from "#test/suite.ts";
import { kill } from "#test/support/kill.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("the guard's program", { limitMs: 180_000 });
const root = join(import.meta.dirname, "..", "..");
const directory = mkdtempSync(join(tmpdir(), "fleet-guard-"));
const [silentPort] = await takePorts(1);
/** For an agent that is never silent, however little of the processor it gets. */
const patientMs = 120_000;
const guards = new Set<Guard>();

interface Guard {
  child: ChildProcess;
  output: { stdout: string; stderr: string };
  ended: Promise<[number | null, string | null]>;
}

/** Over a real agent whose hub does not answer. */
function startGuard(name: string, data: string, deadlineMs = patientMs): Guard {
  const file = join(directory, `${name}.yaml`);
  const hub = `hub: { url: "http://127.0.0.1:${silentPort}", token: 0123456789abcdef }`;
  const own = [`device: ${name}`, hub, `dataDirectory: ${data}`, "page: { port: 0 }"];
  writeFileSync(file, own.join("\n"));
  const child = spawn(process.execPath, [join(root, "edge/guard.ts"), "--config", file], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, FLEET_WATCHDOG_MS: String(deadlineMs) },
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  const guard = { child, output, ended: once(child, "exit") as Guard["ended"] };
  guards.add(guard);
  return guard;
}

/** The guard's one child. */
function agentOf({ child }: Guard): number | undefined {
  const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim();
  return children === "" ? undefined : Number(children.split(" ")[0]);
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 90_000; !(await holds()); await wait(50)) {
    assert.ok(performance.now() < end, what);
  }
}

/** How often the page has begun to listen, and whether the latest one answers. */
const pages = ({ output }: Guard): string[] =>
  [...output.stdout.matchAll(/"page":{"host":"127.0.0.1","port":(\d+)}/g)].map(
    ([, at]) => at ?? "",
  );

const answers = async (guard: Guard, starts: number): Promise<boolean> => {
  const all = pages(guard);
  if (all.length < starts) return false;
  const signal = AbortSignal.timeout(5000);
  const page = fetch(`http://127.0.0.1:${all.at(-1)}/healthz`, { signal });
  return (await page.catch(() => undefined))?.ok === true;
};

test.after(async () => {
  for (const guard of guards) {
    if (guard.child.exitCode !== null || guard.child.signalCode !== null) continue;
    const agent = agentOf(guard);
    guard.child.kill("SIGKILL");
    kill(agent);
    await guard.ended;
  }
  rmSync(directory, { recursive: true, force: true });
});

test("starts a stopped agent again, passes signals on, and ends with the agent's code", async () => {
  const guard = startGuard("pi-1", "stopped", 5000);
  await until("an agent", () => answers(guard, 1));
  const hung = agentOf(guard);
  assert.ok(hung !== undefined);
  process.kill(hung, "SIGSTOP");
  await until("another agent", () => answers(guard, 2));
  assert.match(
    guard.output.stderr,
    /^the agent was silent for 5 s and was killed; it starts again/,
  );
  const next = agentOf(guard);
  assert.ok(next !== undefined && next !== hung);
  guard.child.kill("SIGHUP");
  await wait(300);
  assert.equal(agentOf(guard), next);
  guard.child.kill("SIGTERM");
  assert.deepEqual(await guard.ended, [0, null]);
  assert.throws(() => process.kill(next, 0), { code: "ESRCH" });
});

test("a second agent on one data directory is refused in a sentence, and takes over after SIGKILL of the first", async () => {
  const first = startGuard("pi-2", "shared");
  await until("the first", () => answers(first, 1));
  const second = startGuard("pi-3", "shared");
  await until("a refusal", () => second.output.stderr.includes("starts again in"));
  assert.match(second.output.stderr, /^another agent holds the lock .*shared\/agent\.lock\n/);
  assert.match(second.output.stderr, /\nthe agent ended with code 1; it starts again in 0\.5 s\n/);
  assert.deepEqual(pages(second), []);
  const agent = agentOf(first);
  first.child.kill("SIGKILL");
  kill(agent);
  await until("the second", () => answers(second, 1));
  second.child.kill("SIGTERM");
  assert.deepEqual(await second.ended, [0, null]);
});

test("its agent goes with it, however it went", async () => {
  const guard = startGuard("pi-4", "orphan");
  await until("an agent", () => answers(guard, 1));
  const agent = agentOf(guard);
  assert.ok(agent !== undefined);
  guard.child.kill("SIGKILL");
  await until("the agent's end", () => {
    try {
      return !process.kill(agent, 0);
    } catch {
      return true;
    }
  });
});
