import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "#scripts/start/ports.ts";
import { suite } from "#test/suite.ts";

const test = suite("npm start", { limitMs: 120_000 });
const root = join(import.meta.dirname, "..", "..");
const data = mkdtempSync(join(tmpdir(), "fleet-start-"));
let ports: number[] = [];

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

function begin(args: string[]): ChildProcess {
  const [http = 0, mqtt = 0, page = 0] = ports;
  const own = ["--http-port", `${http}`, "--mqtt-port", `${mqtt}`, "--page-port", `${page}`];
  const all = ["scripts/run.mjs", "scripts/start/main.ts", "--data", data, ...own, ...args];
  return spawn(process.execPath, all, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
}

async function finish(child: ChildProcess): Promise<Ended> {
  const began = performance.now();
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => (output.stdout += chunk));
  child.stderr?.on("data", (chunk) => (output.stderr += chunk));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
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

test.before(async () => {
  ports = await freePorts(24_000 + (process.pid % 10_000), 8);
  const run = [...ports.keys()].find((at) => ports[at + 2] === (ports[at] ?? 0) + 2 && at >= 2);
  ports = [ports[0] ?? 0, ports[1] ?? 0, ports[run ?? 2] ?? 0];
});
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
  await new Promise<void>((resolve) => server.listen(ports[1], "127.0.0.1", resolve));
  const { code, stderr } = await finish(begin(once));
  await new Promise((resolve) => server.close(resolve));
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`port ${ports[1]} .*--mqtt-port`, "s"));
});

test("Ctrl-C ends everything within five seconds", async () => {
  const { child, ended, shown } = await beginAndStay();
  assert.match(shown, /sign-in\?code=/);
  const asked = performance.now();
  child.kill("SIGINT");
  await ended;
  assert.ok(performance.now() - asked < 5000, `took ${performance.now() - asked} ms`);
  assert.deepEqual(leftovers(), []);
});

test("a killed start takes its hub, agents and services along", async () => {
  const { child, ended } = await beginAndStay();
  child.kill("SIGKILL");
  await ended;
  const deadline = performance.now() + 8000;
  while (leftovers().length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.deepEqual(leftovers(), []);
});
