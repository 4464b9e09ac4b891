import * as assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("what npm start says", { limitMs: 240_000 });
const root = join(import.meta.dirname, "..", "..");
const scratch = mkdtempSync(join(tmpdir(), "fleet-words-"));
const [http, mqtt = 0, page = 0, status = 0] = await takePorts(4);
const children: ChildProcess[] = [];

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  seconds: number;
}

/** One device, so that a test is about words and not about numbers. */
function begin(args: string[], environment: NodeJS.ProcessEnv = process.env) {
  const hub = ["--http-port", `${http}`, "--mqtt-port", `${mqtt}`];
  const device = ["--page-port", `${page}`, "--status-port", `${status}`];
  const own = [...hub, ...device, "--devices", "1", "--runtime", "process", ...args];
  const child = spawn(process.execPath, ["scripts/run.mjs", "scripts/start/main.ts", ...own], {
    ...{ cwd: root, env: environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  const began = performance.now();
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += chunk));
  child.stderr.on("data", (chunk) => (output.stderr += chunk));
  const ended = new Promise<Ended>((resolve) => {
    child.once("close", (code) => {
      resolve({ code, ...output, seconds: (performance.now() - began) / 1000 });
    });
  });
  return { child, ended, output };
}

function newData(): string {
  return mkdtempSync(join(scratch, "data-"));
}

/** Processes that know the scratch directory. */
function leftovers(): string[] {
  return globSync("/proc/[0-9]*").filter((path) => {
    try {
      const text =
        readFileSync(`${path}/cmdline`, "utf8") + readFileSync(`${path}/environ`, "utf8");
      return text.includes(scratch);
    } catch {
      return false;
    }
  });
}

function repositoryOf(files: Record<string, string>): string {
  const directory = mkdtempSync(join(scratch, "repository-"));
  const git = (...args: string[]) => execFileSync("git", ["-C", directory, ...args]);
  git("init", "--quiet", "--initial-branch=trunk");
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  git("add", "--all");
  git("-c", "user.name=Test", "-c", "user.email=test@localhost", "commit", "--quiet", "-m", "one");
  return directory;
}

test.after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(scratch, { recursive: true, force: true });
});

test("a directory that is no Git repository is named within seconds", async () => {
  const plain = mkdtempSync(join(scratch, "plain-"));
  const { ended } = begin(["--data", newData(), "--once", "--repository", plain]);
  const { code, stdout, seconds } = await ended;
  assert.equal(code, 1);
  assert.ok(seconds < 60, `${seconds} s`);
  assert.match(stdout, new RegExp(`${plain}.* does not appear to be a git repository`));
  assert.match(stdout, /No device can be told what to run/);
});

test("a repository without fleet.yaml is refused in the hub's words, once", async () => {
  const repository = repositoryOf({ "notes.txt": "none" });
  const { ended } = begin(["--data", newData(), "--once", "--json", "--repository", repository]);
  const { code, stdout, stderr, seconds } = await ended;
  assert.equal(code, 1);
  assert.ok(seconds < 60, `${seconds} s`);
  assert.deepEqual(stderr.match(/^branch trunk +is refused: fleet\.yaml.*$/gm)?.length, 1);
  assert.deepEqual([JSON.parse(stdout).synced, JSON.parse(stdout).healthy], [0, 0]);
});

test("each kind of taken port is named with its purpose and its option", async () => {
  for (const [port, purpose, option] of [
    [http, "API and page", "--http-port"],
    [mqtt, "MQTT broker", "--mqtt-port"],
    [page, "device pi-1", "--page-port"],
  ] as const) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    const { code, stderr } = await begin(["--data", newData(), "--once"]).ended;
    await new Promise((resolve) => server.close(resolve));
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`port ${port} is taken.*${purpose}[^]*${option}`));
  }
});

test("git that is not on the PATH is named", async () => {
  const { ended } = begin(["--data", newData()], { ...process.env, PATH: scratch });
  const { code, stderr } = await ended;
  assert.equal(code, 1);
  assert.match(stderr, /^the program git is not on this machine.*\nInstall git/);
});

test("a data directory that cannot be made is named", async () => {
  const file = join(scratch, "file");
  writeFileSync(file, "");
  const { code, stderr } = await begin(["--data", join(file, "var")]).ended;
  assert.equal(code, 1);
  assert.match(stderr, /file\/var cannot be written \(ENOTDIR\)\n.*--data/);
});

test("a second start on the same data directory is refused, and the first goes on", async () => {
  const data = newData();
  const first = begin(["--data", data]);
  while (!first.output.stdout.includes("Starting the hub")) {
    assert.equal(first.child.exitCode, null, first.output.stderr);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const [otherHttp, otherMqtt, otherPage] = await takePorts(3);
  const others = ["--http-port", `${otherHttp}`, "--mqtt-port", `${otherMqtt}`];
  const second = begin(["--data", data, ...others, "--page-port", `${otherPage}`]);
  const { code, stderr } = await second.ended;
  assert.equal(code, 1);
  assert.match(stderr, /another npm start runs with the data directory/);
  assert.equal(first.child.exitCode, null);
  first.child.kill("SIGINT");
  await first.ended;
});

test("does not follow what is checked out in the sample, but main", async () => {
  const data = newData();
  assert.equal((await begin(["--data", data, "--once", "--json"]).ended).code, 0);
  execFileSync("git", ["-C", join(data, "fleet"), "checkout", "--quiet", "staging"]);
  rmSync(join(data, "hub"), { recursive: true });
  rmSync(join(data, "devices"), { recursive: true });
  const { ended, child, output } = begin(["--data", data]);
  while (!output.stdout.includes("Ctrl-C ends everything")) {
    assert.equal(child.exitCode, null, output.stderr);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const token = readFileSync(join(data, "hub/operator.token"), "utf8").trim();
  const response = await fetch(`http://127.0.0.1:${http}/v1/devices`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const text = await response.text();
  assert.match(text, /"branch":"main"/);
  assert.doesNotMatch(text, /"branch":"staging"/);
  child.kill("SIGINT");
  await ended;
});

test("Ctrl-C at any moment of the start ends everything within five seconds", async () => {
  for (const afterMs of [50, 400, 700, 1000, 1500, 2500]) {
    const tookMs: number[] = [];
    // Another program may take the machine for a moment, and not three times.
    while (tookMs.length < 3 && !(Math.min(...tookMs) < 5000)) {
      tookMs.push(await interruptedAfter(afterMs));
    }
    assert.ok(Math.min(...tookMs) < 5000, `after ${afterMs} ms: took ${tookMs.join(", ")} ms`);
  }
});

/** @returns how long its end took */
async function interruptedAfter(afterMs: number): Promise<number> {
  const { child, ended } = begin(["--data", newData()]);
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  const asked = performance.now();
  child.kill("SIGINT");
  const { stderr } = await ended;
  const tookMs = performance.now() - asked;
  assert.equal(stderr, "", `after ${afterMs} ms`);
  assert.deepEqual(leftovers(), [], `after ${afterMs} ms`);
  return tookMs;
}
