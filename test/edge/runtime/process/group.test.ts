// The end of a copy: which processes a signal reaches, and what is left.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { benchTests, only, pidIn, readIfThere, runs, shell, until } from "./fixture.ts";

const test = benchTests("process groups");

test("lets the stop signal reach the program and its children", async ({
  runtime,
  app,
  release,
}) => {
  const one = runtime();
  const script = `sleep 61 & sleep 62 & trap 'echo asked >asked; exit 0' INT
    echo "$!" >grandchild; while :; do sleep 0.05; done`;
  const shop = app({ web: shell(script, { stopSignal: "SIGINT" }) });
  await one.start(shop, { service: "web", index: 1 });
  const grandchild = await pidIn(join(release, "grandchild"));
  const instance = await only(one);
  await one.remove(instance);
  assert.equal(readIfThere(join(release, "asked")), "asked\n");
  assert.ok(!runs(instance.id));
  assert.ok(!runs(grandchild));
  assert.deepEqual(await one.observe(), []);
  await one.remove(instance);
});

const defaultGraceMs = 10_000;

test("kills what ignores its stop signal, after the grace period and not before", async ({
  runtime,
  app,
  release,
}) => {
  const one = runtime();
  const shop = app({
    web: shell("trap '' TERM; echo >deaf; while :; do sleep 0.1; done", { stopGraceMs: 600 }),
  });
  await one.start(shop, { service: "web", index: 1 });
  await until("the trap", () => readIfThere(join(release, "deaf")));
  const instance = await only(one);
  const began = performance.now();
  await one.remove(instance);
  const tookMs = performance.now() - began;
  assert.ok(tookMs >= 600 && tookMs < defaultGraceMs, `${tookMs} ms`);
  assert.ok(!runs(instance.id));
});

test("ends descendants that left for a session of their own", async ({ runtime, app, release }) => {
  const one = runtime();
  const shop = app({ web: shell("setsid sh -c 'echo $$ >daemon; exec sleep 63' & sleep 64") });
  await one.start(shop, { service: "web", index: 1 });
  const daemon = await pidIn(join(release, "daemon"));
  await one.remove(await only(one));
  assert.ok(!runs(daemon));
});

test("leaves nothing of a copy whose program ended", async ({ runtime, app, release }) => {
  const one = runtime();
  const shop = app({ web: shell("sleep 65 & echo $! >left; sleep 0.1") });
  await one.start(shop, { service: "web", index: 1 });
  await until("exit", async () => (await only(one)).state === "exited");
  const left = readFileSync(join(release, "left"), "utf8").trim();
  await until("end of the rest", () => !runs(left));
});
