// The harness is told to end, or dies, in the middle of a fault: nothing stays mounted and nothing runs on.
import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("a harness that ends early", { limitMs: 300_000 });
const root = join(import.meta.dirname, "..", "..", "..");

/** The body runs once the fault's disk is mounted and the agent runs on it. */
async function inMidFault(
  body: (harness: ChildProcess, below: string) => Promise<void>,
): Promise<void> {
  const below = await mkdtemp(join(tmpdir(), "fleet-early-"));
  const options = ["--only", "disk-full-journal", "--devices", "1"];
  const harness = spawn(process.execPath, ["scripts/faults/main.ts", ...options], {
    cwd: root,
    env: { ...process.env, TMPDIR: below },
    stdio: "ignore",
  });
  try {
    await until(() => mounts(below).length === 2 && processes(below).length >= 3);
    await body(harness, below);
  } finally {
    harness.kill("SIGKILL");
    await until(() => mounts(below).length === 0 && processes(below).length === 0);
    await rm(below, { recursive: true, force: true });
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await systemClock.sleep(100);
}

function mounts(below: string): string[] {
  const lines = readFileSync("/proc/mounts", "utf8").split("\n");
  return lines.filter((line) => line.includes(below));
}

/** Hub, agent and workloads: all of them are told of a path below. */
function processes(below: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(below);
    } catch {
      return false;
    }
  });
}

test.real("mount", "Ctrl-C ends it with everything that it has made", () =>
  inMidFault(async (harness, below) => {
    const ended = new Promise((resolve) => harness.once("close", resolve));
    harness.kill("SIGINT");
    assert.equal(await ended, 130);
    assert.deepEqual([mounts(below), processes(below)], [[], []]);
    assert.deepEqual(
      readdirSync(below).filter((name) => name.startsWith("fleet-")),
      [],
    );
  }),
);

test.real("mount", "SIGKILL leaves files at most", () =>
  inMidFault(async (harness, below) => {
    harness.kill("SIGKILL");
    await until(() => mounts(below).length === 0);
    await until(() => processes(below).length === 0);
    assert.ok(!(await readFile("/proc/mounts", "utf8")).includes(below));
  }),
);
