import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LocalStatus } from "#edge/page/status.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("the agent's program");
const root = join(import.meta.dirname, "..", "..");
const running = new Set<Agent>();
const directory = mkdtempSync(join(tmpdir(), "fleet-program-"));
const [silentPort] = await takePorts(1);

interface Agent {
  child: ChildProcess;
  output: { stdout: string; stderr: string };
  ended: Promise<number | string | null>;
}

/** An agent whose hub does not answer. */
function startAgent(data: string, nodeOptions: string[] = [], lines: string[] = []): Agent {
  const file = join(directory, `${data}-${running.size}.yaml`);
  const hub = `hub: { url: "http://127.0.0.1:${silentPort}", token: 0123456789abcdef }`;
  const own = ["device: pi-1", hub, `dataDirectory: ${data}`, "page: { port: 0 }", ...lines];
  writeFileSync(file, own.join("\n"));
  const args = [...nodeOptions, join(root, "edge/main.ts"), "--config", file];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  const ended = new Promise<number | string | null>((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  const agent = { child, output, ended };
  running.add(agent);
  return agent;
}

async function pageOf({ child, output }: Agent): Promise<string> {
  for (;;) {
    const port = /"page":{"host":"127.0.0.1","port":(\d+)}/.exec(output.stdout)?.[1];
    if (port !== undefined) return `http://127.0.0.1:${port}`;
    assert.equal(child.exitCode, null, output.stderr);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.after(async () => {
  for (const { child } of running) child.kill("SIGKILL");
  await Promise.all([...running].map(({ ended }) => ended));
  rmSync(directory, { recursive: true, force: true });
});

test("shows on its page why it is not enrolled yet, and ends on a signal", async () => {
  const agent = startAgent("waiting");
  const page = await pageOf(agent);
  let problem = "";
  while (!problem.includes("ECONNREFUSED")) {
    const status = (await (await fetch(`${page}/v1/status`)).json()) as LocalStatus;
    assert.deepEqual([status.device, status.sync], ["pi-1", "Unknown"]);
    problem = status.connection.problem ?? "";
  }
  assert.match(problem, /^enrolling: .*127\.0\.0\.1:\d+ cannot be reached: ECONNREFUSED/);
  assert.match(await (await fetch(page)).text(), /enrolling: /);
  assert.equal((await fetch(`${page}/healthz`)).status, 200);
  assert.equal((await fetch(`${page}/metrics`)).status, 200);
  agent.child.kill("SIGTERM");
  assert.equal(await agent.ended, 0);
});

test("takes up a changed agent.yaml while it waits, and on SIGHUP lives on", async () => {
  const agent = startAgent("reload");
  await pageOf(agent);
  agent.child.kill("SIGHUP");
  await new Promise((resolve) => setTimeout(resolve, 300));
  agent.child.kill("SIGINT");
  assert.equal(await agent.ended, 0);
});

test("a second agent on the same data directory says so and ends with code 1", async () => {
  const first = startAgent("shared");
  await pageOf(first);
  const second = startAgent("shared");
  assert.equal(await second.ended, 1);
  const [line, hint, ...more] = second.output.stderr.trim().split("\n");
  assert.match(line ?? "", /another agent holds the lock .*shared\/agent\.lock/);
  assert.match(hint ?? "", /Stop the other agent/);
  assert.deepEqual([more, second.output.stdout], [[], ""]);
  assert.equal(first.child.exitCode, null);
  first.child.kill("SIGTERM");
  assert.equal(await first.ended, 0);
});

test("says in one line what its configuration lacks, and leaves nothing running", async () => {
  const agent = startAgent("refused", [], ["colour: red"]);
  assert.equal(await agent.ended, 1);
  assert.match(agent.output.stderr, /refused-\d+\.yaml:5.*colour.*not a/);
});

for (const [what, code] of [
  ["an exception", "throw new Error('boom')"],
  ["a rejection", "void Promise.reject(new Error('boom'))"],
] as const) {
  test(`${what} that nobody handles is logged and ends it with code 1`, async () => {
    const script = `process.once("SIGUSR2", () => { ${code} })`;
    const preload = ["--import", `data:text/javascript,${encodeURIComponent(script)}`];
    const agent = startAgent(`fault-${what.length}`, preload);
    await pageOf(agent);
    agent.child.kill("SIGUSR2");
    assert.equal(await agent.ended, 1);
    const last = JSON.parse(agent.output.stdout.trim().split("\n").at(-1) ?? "{}");
    assert.deepEqual([last.level, last.err.message], [60, "boom"]);
  });
}
