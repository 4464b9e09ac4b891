// The restarts of a copy: by its policy, with growing delays, and by hand.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { benchTests, only, runs, shell, until } from "./fixture.ts";

const test = benchTests("supervision of a copy");

test("restarts with growing delays and counts them", async ({ runtime, app, release }) => {
  const one = runtime({
    random: () => 0.999,
    limits: { baseMs: 100, maxMs: 900, resetAfterMs: 60_000 },
  });
  const script = "date +%s%N >>starts; exit 1";
  const shop = app({ web: shell(script, { restart: { name: "always", maxAttempts: 0 } }) });
  await one.start(shop, { service: "web", index: 1 });
  await until("four restarts", async () => (await only(one)).restarts >= 4);
  const copy = await only(one);
  await one.remove(copy);
  const starts = readFileSync(join(release, "starts"), "utf8").trim().split("\n").map(Number);
  const gaps = starts.slice(1).map((at, position) => (at - (starts[position] ?? 0)) / 1e6);
  for (const [position, floor] of [190, 290, 490].entries()) {
    assert.ok((gaps[position] ?? 0) > floor, `gap ${position}: ${gaps.join()} ms`);
  }
});

test("tries an on-failure copy only so often, and an ended one not at all", async ({
  runtime,
  app,
}) => {
  const one = runtime();
  const shop = app({
    failing: shell("exit 4", { restart: { name: "on-failure", maxAttempts: 2 } }),
    done: shell("exit 0", { restart: { name: "on-failure", maxAttempts: 2 } }),
  });
  await one.start(shop, { service: "failing", index: 1 });
  await one.start(shop, { service: "done", index: 1 });
  const find = async (name: string) => (await one.observe()).find((copy) => copy.service === name);
  await until("giving up", async () => {
    const copy = await find("failing");
    return copy?.state === "exited" && copy.restarts === 2;
  });
  assert.equal((await find("failing"))?.exitCode, 4);
  assert.equal((await find("done"))?.restarts, 0);
});

test("starts a stopped copy again when it is asked to", async ({ runtime, app }) => {
  const one = runtime();
  const shop = app({ web: shell("test -e second && sleep 60; touch second; exit 1") });
  await one.start(shop, { service: "web", index: 1 });
  await until("the exit", async () => (await only(one)).state === "exited");
  await one.start(shop, { service: "web", index: 1 });
  const copy = await only(one);
  assert.equal(copy.state, "running");
  assert.equal(copy.exitCode, undefined);
});

test("restarts in place, whatever the policy", async ({ runtime, app }) => {
  const one = runtime();
  await one.start(app({ web: shell("sleep 60") }), { service: "web", index: 1 });
  const before = await only(one);
  await one.restart(before);
  const after = await only(one);
  assert.equal(after.state, "running");
  assert.notEqual(after.id, before.id);
  assert.ok(!runs(before.id));
  assert.equal(after.restarts, 0);
});

test("a removal ends the wait for a restart", async ({ runtime, app }) => {
  const one = runtime({ limits: { baseMs: 30_000, maxMs: 60_000, resetAfterMs: 60_000 } });
  const shop = app({ web: shell("exit 1", { restart: { name: "always", maxAttempts: 0 } }) });
  await one.start(shop, { service: "web", index: 1 });
  await until("the wait", async () => (await only(one)).state === "restarting");
  await one.remove(await only(one));
  assert.deepEqual(await one.observe(), []);
});

test("a killed wrapper takes its program along, and both come back", async ({ runtime, app }) => {
  const one = runtime();
  const shop = app({ web: shell("sleep 60", { restart: { name: "always", maxAttempts: 0 } }) });
  await one.start(shop, { service: "web", index: 1 });
  const before = await only(one);
  const parent = /^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${before.id}/status`, "utf8"))?.[1];
  process.kill(Number(parent), "SIGKILL");
  await until("the restart", async () => (await only(one)).restarts === 1);
  await until("running", async () => (await only(one)).state === "running");
  assert.ok(!runs(before.id));
});
