import * as assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { endsWithinMs } from "#edge/agent/ending.ts";
import { suite } from "#test/suite.ts";

const test = suite("the agent's systemd unit");
const name = "metrica-fleet-agent.service";
const root = join(import.meta.dirname, "..", "..");
const text = readFileSync(join(root, "systemd", name), "utf8");

function setting(key: string): string | undefined {
  return new RegExp(`^${key}=(.*)$`, "m").exec(text)?.[1];
}

test.real("systemd-analyze", "systemd has nothing to say against it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-unit-"));
  try {
    // The one difference: the programs that it names are those of this working copy.
    const file = join(directory, name);
    writeFileSync(file, text.replaceAll("/opt/metrica-fleet", root));
    const { stdout, stderr } = await promisify(execFile)("systemd-analyze", ["verify", file]);
    assert.deepEqual([stdout, stderr], ["", ""]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test("never gives up, ends within its time, and starts without a network", () => {
  assert.equal(setting("Restart"), "always");
  assert.equal(setting("StartLimitIntervalSec"), "0");
  assert.ok(Number(setting("TimeoutStopSec")) * 1000 > endsWithinMs);
  assert.doesNotMatch(setting("After") ?? "", /network-online/);
});

test("leaves what the agent supervises alone when the agent ends, fails or is killed", () => {
  assert.equal(setting("KillMode"), "process");
  assert.equal(setting("OOMPolicy"), "continue");
  assert.equal(setting("RuntimeDirectoryPreserve"), "yes");
  for (const limit of ["MemoryMax", "MemoryHigh", "PrivateTmp", "DynamicUser"]) {
    assert.equal(setting(limit), undefined);
  }
});

test("watches the agent by messages that systemd-notify sends", () => {
  assert.equal(setting("Type"), "notify");
  assert.equal(setting("NotifyAccess"), "all");
  assert.ok(Number(setting("WatchdogSec")) >= 60);
  assert.equal(setting("WatchdogSignal"), "SIGKILL");
});
