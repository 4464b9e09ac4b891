import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "#test/suite.ts";

const test = suite("npm run faults", { limitMs: 240_000 });
const root = join(import.meta.dirname, "..", "..");

interface Ended {
  code: number;
  lines: Record<string, unknown>[];
  stderr: string;
  pid: number;
}

function faults(...args: string[]): Promise<Ended> {
  return faultsIn({}, ...args);
}

/** @param environment in place of the test's own variables of that name */
function faultsIn(environment: Record<string, string>, ...args: string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const command = ["scripts/run.mjs", "scripts/faults/main.ts", "--json", ...args];
  const options = { cwd: root, env: { ...process.env, ...environment } };
  const child = execFile(process.execPath, command, options, (error, stdout, stderr) => {
    const lines = stdout.split("\n").filter((line) => line !== "");
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    resolve({ code: Number(error?.code ?? 0), lines: parsed, stderr, pid: child.pid ?? 0 });
  });
  return promise;
}

/** Processes that know a device of that run: agents by their configuration, workloads by their marker. */
function leftovers(pid: number): string[] {
  return globSync("/proc/[0-9]*").filter((path) => {
    try {
      const text =
        readFileSync(`${path}/cmdline`, "utf8") + readFileSync(`${path}/environ`, "utf8");
      return text.includes(`f${pid}-`);
    } catch {
      return false;
    }
  });
}

test("prints one line for each fault and one with the totals, and leaves no process", async () => {
  const { code, lines, stderr, pid } = await faults(
    ...["--devices", "1", "--only", "two-agents", "crash-loop", "force-push"],
  );
  assert.equal(code, 0, `${stderr}${JSON.stringify(lines)}`);
  const names = lines.map(({ name }) => name);
  assert.equal(names.pop(), "total");
  assert.deepEqual(new Set(names), new Set(["two-agents", "crash-loop", "force-push"]));
  assert.equal(names.length, 3);
  for (const line of lines.slice(0, -1)) {
    const keys = ["name", "tries", "survived", "lost_entries", "unavailable_ms", "note"];
    assert.deepEqual(Object.keys(line), keys);
    assert.deepEqual([line["tries"], line["survived"], line["lost_entries"]], [1, 1, 0]);
    assert.equal(line["unavailable_ms"], 0, JSON.stringify(line));
  }
  const { tries, survived, skipped } = lines.at(-1) ?? {};
  assert.deepEqual([tries, survived, skipped], [3, 3, 0]);
  assert.deepEqual(leftovers(pid), []);
});

test("repeats one try by its seed, and says where the agent was cut", async () => {
  const { code, lines, stderr } = await faults("--devices", "1", "--only", "cut", "--seed", "2");
  assert.equal(code, 0, `${stderr}${JSON.stringify(lines)}`);
  assert.equal(lines[0]?.["tries"], 1);
  assert.match(String(lines[0]?.["note"]), /^(before|after):|ms after a/);
});

test("says which fault it leaves out and why, and that none may be where all parts must be there", async () => {
  const bare = { PATH: "/nowhere", FLEET_REQUIRE_REAL: "1" };
  const { code, lines, stderr } = await faultsIn(bare, "--only", "io-error");
  assert.equal(code, 1);
  assert.deepEqual(lines[0], { name: "io-error", skipped: "needs strace, which is not there" });
  assert.equal(lines[1]?.["skipped"], 1);
  assert.match(stderr, /^1 faults were left out, and FLEET_REQUIRE_REAL=1 leaves nothing out\./);
});

test("lists every fault by a name of its own", async () => {
  const { code, lines } = await faults("--list");
  assert.equal(code, 0);
  const names = lines.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const name of ["cut", "power-cut", "hub-restored"]) assert.ok(names.includes(name), name);
});

test("names a fault that it does not know", async () => {
  const { code, stderr } = await faults("--only", "two-agnets");
  assert.equal(code, 1);
  assert.match(stderr, /no fault "two-agnets"\nDid you mean two-agents\?/);
});
