// The measured host: plausible numbers, shared samples, no program started.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { busyShare, createHostObserver } from "#edge/observe/host.ts";
import { HostHealth } from "#shared/beat.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";

const test = suite("host observer");

test("measures what the heartbeat carries", async () => {
  const observer = createHostObserver({ clock: systemClock, dataDirectory: tmpdir() });
  const health = HostHealth.parse(await observer.sample());
  assert.ok(health.cpu >= 0 && health.cpu <= 1);
  assert.ok(health.memoryUsedBytes > 0 && health.memoryUsedBytes < health.memoryTotalBytes);
  assert.ok(health.diskUsedBytes > 0 && health.diskUsedBytes <= health.diskTotalBytes);
  assert.ok(health.uptimeSeconds > 0);
});

test("measures no more than once in five seconds", async () => {
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  const observer = createHostObserver({ clock, dataDirectory: tmpdir() });
  const first = await observer.sample();
  nowMs = 4999;
  assert.equal(await observer.sample(), first);
  nowMs = 5000;
  assert.notEqual(await observer.sample(), first);
});

test("fails while the data directory is gone, and measures again when it is back", async () => {
  let nowMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => nowMs };
  const root = mkdtempSync(join(tmpdir(), "fleet-host-"));
  const dataDirectory = join(root, "data");
  const observer = createHostObserver({ clock, dataDirectory });
  await assert.rejects(observer.sample(), { code: "ENOENT" });
  mkdirSync(dataDirectory);
  nowMs = 5000;
  assert.ok((await observer.sample()).diskTotalBytes > 0);
  rmSync(root, { recursive: true });
});

test("counts the share of all processors between two readings", () => {
  assert.equal(busyShare({ busy: 100, total: 1000 }, { busy: 150, total: 1200 }), 0.25);
  assert.equal(busyShare({ busy: 100, total: 1000 }, { busy: 100, total: 1000 }), 0);
  assert.equal(busyShare({ busy: 100, total: 1000 }, { busy: 0, total: 1001 }), 0);
});

test("describes the machine in words", async () => {
  const observer = createHostObserver({ clock: systemClock, dataDirectory: tmpdir() });
  const described = await observer.describe();
  for (const [name, value] of Object.entries(described)) assert.ok(value.length > 0, name);
});
