// A forwarder on a device that is short of processor or disk: slow to come, slow to answer, and alive.
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createForwarder } from "#edge/runtime/forward/forwarder.ts";
import { readArguments, readBootId, readStat } from "#edge/runtime/process/proc.ts";
import { type Clock, systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";

const test = suite("a slow forwarder");
const pidOf = (directory: string): number =>
  (JSON.parse(readFileSync(join(directory, "forwarder.json"), "utf8")) as { pid: number }).pid;

/** Answers as a forwarder does, but takes its time for it. */
const slow = `
  const [directory, afterMs] = process.argv.slice(1);
  require("node:net").createServer((socket) => {
    socket.on("error", () => undefined);
    const answer = () => socket.end(JSON.stringify({ routes: [], refused: {}, open: {} }));
    socket.once("data", () => setTimeout(answer, Number(afterMs)));
  }).listen(directory + "/control", () => process.stdout.write("listens"));
`;

test("ends none that lives and only takes its time to answer", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-forward-"));
  const child = spawn(process.execPath, ["-e", slow, directory, "3500"], { detached: true });
  const { pid = 0 } = child;
  await once(child.stdout, "data");
  const identity = { pid, startTicks: readStat(pid)?.startTicks, bootId: readBootId() };
  writeFileSync(join(directory, "forwarder.json"), JSON.stringify(identity));
  const forwarder = createForwarder({ directory, clock: systemClock });
  try {
    const route = { app: "shop", host: "127.0.0.1", port: (await takePorts(1))[0], backends: [] };
    assert.deepEqual(await forwarder.apply([route]), { routes: [], refused: {}, open: {} });
    assert.equal(child.signalCode, null);
  } finally {
    child.kill("SIGKILL");
    await forwarder.end();
    rmSync(directory, { recursive: true, force: true });
  }
});

test("waits again for one that comes up slowly, and starts no other beside it", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fleet-forward-"));
  let nowMs = 0;
  const hurried: Clock = {
    ...systemClock,
    monotonicMs: () => nowMs,
    sleep: async () => {
      nowMs += 10_000;
    },
  };
  const forwarder = createForwarder({ directory, clock: hurried });
  const route = { app: "shop", host: "127.0.0.1", port: (await takePorts(1))[0], backends: [] };
  try {
    await assert.rejects(forwarder.apply([route]), { code: "runtime_unavailable" });
    await forwarder.apply([route]).catch(() => undefined);
    const started = readdirSync("/proc").filter((pid) =>
      readArguments(Number(pid)).includes(directory),
    );
    assert.equal(started.length, 1);
    hurried.sleep = systemClock.sleep;
    await forwarder.apply([route]);
    assert.equal(pidOf(directory), Number(started[0]));
  } finally {
    await forwarder.end();
    rmSync(directory, { recursive: true, force: true });
  }
});
