import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("npm start", { limitMs: 300_000 });
const root = join(import.meta.dirname, "..", "..");
const data = mkdtempSync(join(tmpdir(), "fleet-start-"));
const [http, mqtt = 0, page = 0, , , status = 0] = await takePorts(8);
const ports = [
  ...["--http-port", `${http}`, "--mqtt-port", `${mqtt}`],
  ...["--page-port", `${page}`, "--status-port", `${status}`],
];

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

function begin(args: string[]): ChildProcess {
  const all = ["scripts/run.mjs", "scripts/start/main.ts", "--data", data, ...ports, ...args];
  return spawn(process.execPath, all, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
}

async function finish(child: ChildProcess): Promise<Ended> {
  const began = performance.now();
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => (output.stdout += chunk));
  child.stderr?.on("data", (chunk) => (output.stderr += chunk));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...output, seconds: (performance.now() - began) / 1000 };
}

/** Without `--once`, until it says what to try next. */
async function beginAndStay(): Promise<{
  child: ChildProcess;
  ended: Promise<Ended>;
  shown: string;
}> {
  const child = begin(["--runtime", "process"]);
  const ended = finish(child);
  let shown = "";
  await new Promise<void>((resolve) => {
    child.stdout?.on("data", (chunk) => {
      shown += chunk;
      if (shown.includes("Ctrl-C ends everything.")) resolve();
    });
  });
  return { child, ended, shown };
}

/** Processes whose command line or environment names the data directory. */
function leftovers(): string[] {
  return globSync("/proc/[0-9]*").filter((path) => {
    try {
      const text =
        readFileSync(`${path}/cmdline`, "utf8") + readFileSync(`${path}/environ`, "utf8");
      return text.includes(data) && !path.endsWith(`/${process.pid}`);
    } catch {
      return false;
    }
  });
}

test.after(() => rmSync(data, { recursive: true, force: true }));

const once = ["--once", "--json", "--runtime", "process"];

test("converges three devices from nothing, prints one JSON object and leaves no process", async () => {
  const { code, stdout, seconds, stderr } = await finish(begin(once));
  assert.equal(code, 0, stderr);
  const { seconds: told, ...summary } = JSON.parse(stdout);
  assert.deepEqual(summary, { devices: 3, synced: 3, healthy: 3, runtime: "process" });
  assert.ok(told <= seconds);
  assert.deepEqual(leftovers(), []);
});

test("resumes from what it left", async () => {
  const { code, stdout, stderr } = await finish(begin(once));
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).healthy, 3);
  assert.doesNotMatch(stderr, /Made a sample/);
});

test("keeps the operator's token and the devices' identities to their owner", () => {
  const secrets = globSync(`${data}/{hub/operator.token,hub/signing-key.pem,devices/*/identity/*}`);
  const count = (name: string): number => secrets.filter((file) => file.endsWith(name)).length;
  // A device's memo for a hub that forgot it may be there as well: it comes some seconds later.
  const found = [count("operator.token"), count("signing-key.pem"), count("device.json")];
  assert.deepEqual(found, [1, 1, 3]);
  for (const file of secrets) assert.equal(statSync(file).mode & 0o777, 0o600, file);
});

test("names a taken port and the option that changes it", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(mqtt, "127.0.0.1", resolve));
  const { code, stderr } = await finish(begin(once));
  await new Promise((resolve) => server.close(resolve));
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`port ${mqtt} .*--mqtt-port`, "s"));
});

test("Ctrl-C ends everything within five seconds", async () => {
  const tookMs: number[] = [];
  // Another program may take the machine for a moment, and not three times.
  while (tookMs.length < 3 && !(Math.min(...tookMs) < 5000)) {
    const { child, ended, shown } = await beginAndStay();
    assert.match(shown, /sign-in\?code=/);
    const asked = performance.now();
    child.kill("SIGINT");
    await ended;
    tookMs.push(performance.now() - asked);
    assert.deepEqual(leftovers(), []);
  }
  assert.ok(Math.min(...tookMs) < 5000, `took ${tookMs.map(Math.round).join(", ")} ms`);
});

test("a killed start takes its hub, agents and services along", async () => {
  const { child, ended } = await beginAndStay();
  child.kill("SIGKILL");
  await ended;
  const deadline = performance.now() + 60_000;
  while (leftovers().length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(leftovers(), []);
});
