// Files and processes that are changed behind a real agent's back.
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { appendFile, chmod, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatMarker, markerVariable, newNonce, ownerOf } from "#edge/runtime/process/marker.ts";
import { listMarked, type MarkedProcess } from "#edge/runtime/process/proc.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";
import { type DriftWatch, watchDrift } from "./drift.ts";

const test = suite("drift, on processes", { limitMs: 400_000 });
let launched: TestFleet | undefined;
let watching: DriftWatch | undefined;

test.before(async () => {
  launched = await launchFleet({ runtime: "process", devices: 1 });
  await launched.converged(120_000);
  watching = watchDrift(launched);
});
test.after(async () => launched?.stop());

function fleet(): TestFleet {
  assert.ok(launched);
  return launched;
}

function watch(): DriftWatch {
  assert.ok(watching);
  return watching;
}

const directory = (): string => join(fleet().data, "devices", watch().device);
const current = (...path: string[]): string =>
  join(directory(), "apps", "signage", "current", ...path);
const script = (): string => current("content", "screen", "show.sh");
const processesOf = (app: string, service: string): MarkedProcess[] =>
  listMarked().filter(({ marker }) => {
    return marker.device === watch().device && marker.app === app && marker.service === service;
  });

test("a file of the release that was changed is restored", async () => {
  const before = await readFile(script(), "utf8");
  await watch().heals({
    act: () => appendFile(script(), "echo tampered\n"),
    isMended: async () => (await readFile(script(), "utf8")) === before,
    found: /^signage: screen\/show\.sh was changed$/,
  });
});

test("a file of the release that was deleted comes back", async () => {
  const before = await readFile(script(), "utf8");
  await watch().heals({
    act: () => rm(script()),
    isMended: async () => (await readFile(script(), "utf8")) === before,
    found: /^signage: screen\/show\.sh is missing$/,
  });
});

test("a file of the release gets its permissions back", async () => {
  const { mode } = await stat(script());
  await watch().heals({
    act: () => chmod(script(), 0o666),
    isMended: async () => (await stat(script())).mode === mode,
    found: /^signage: screen\/show\.sh has other permissions$/,
  });
});

test("the link current comes back when somebody removes it", async () => {
  const before = await realpath(current());
  await watch().heals({
    act: () => rm(current()),
    isMended: async () => (await realpath(current())) === before,
    found: /^signage: the link current led to no release; it leads to [0-9a-f]{12} again$/,
  });
});

test("a damaged record of the release is written anew", async () => {
  const before = await readFile(current("app.json"), "utf8");
  await watch().heals({
    act: () => writeFile(current("app.json"), "{"),
    isMended: async () => (await readFile(current("app.json"), "utf8")) === before,
    found: /^signage: the record of revision [0-9a-f]{12} was damaged$/,
  });
});

test("a process that is killed runs again, and no other is restarted", async () => {
  const screen = processesOf("signage", "screen");
  assert.ok(screen.length > 0);
  const others = async (): Promise<string[]> =>
    (await watch().copies()).filter((copy) => !copy.startsWith("signage/screen-1 "));
  const before = await others();
  for (const { pid } of screen) process.kill(pid, "SIGKILL");
  const killed = new Set(screen.map(({ pid }) => pid));
  await fleet().until("another process", async () => {
    const now = processesOf("signage", "screen");
    return now.length > 0 && now.every(({ pid }) => !killed.has(pid));
  });
  const copy = await fleet().until("the report", async () => {
    const [one] = await fleet().instances(watch().device, "signage", "screen");
    return one?.state === "running" && one.restarts === 1 && one;
  });
  assert.ok(!killed.has(Number(copy.id)));
  assert.deepEqual(await others(), before);
});

test("what was removed while the agent was dead starts again, and a foreign process ends", async () => {
  const runtime = await realpath(join(directory(), "processes"));
  const marker = { device: watch().device, app: "signage", service: "ghost", index: 1 };
  const nonce = newNonce(ownerOf(runtime));
  const ghost = spawn("sleep", ["600"], {
    stdio: "ignore",
    detached: true,
    env: { ...process.env, [markerVariable]: formatMarker({ ...marker, nonce, aside: false }) },
  });
  const ended = new Promise((resolve) => ghost.once("exit", resolve));
  const removed = processesOf("signage", "screen").map(({ pid }) => pid);
  await watch().heals({
    act: async () => {
      fleet().kill(watch().device);
      await rm(join(runtime, "copies", "signage"), { recursive: true });
      for (const pid of removed) process.kill(pid, "SIGKILL");
    },
    isMended: () => {
      const now = processesOf("signage", "screen");
      return now.length > 0 && processesOf("signage", "ghost").length === 0;
    },
    found: /^start screen-1$/,
    restarts: (copy) => copy.startsWith("signage/screen-1 "),
  });
  await ended;
});
