// Compose healthchecks of processes, really run.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchTests, only, pidIn, runs, shell, until } from "./fixture.ts";

const test = benchTests("process healthchecks");

test("turns unhealthy and healthy again as the healthcheck says", async ({
  runtime,
  app,
  release,
}) => {
  const one = runtime();
  let changes = 0;
  one.onChange(() => {
    changes += 1;
  });
  const healthcheck = {
    disabled: false,
    test: ["CMD-SHELL", "test -e fine"],
    intervalMs: 60,
    timeoutMs: 30_000,
    retries: 2,
    startPeriodMs: 60_000,
    startIntervalMs: 60,
  };
  const shop = app({
    web: shell("while :; do sleep 0.1; test ! -e gone || rm -f fine gone; done", { healthcheck }),
  });
  await one.start(shop, { service: "web", index: 1 });
  assert.equal((await only(one)).health, "starting");
  writeFileSync(join(release, "fine"), "");
  await until("healthy", async () => (await only(one)).health === "healthy");
  const before = changes;
  writeFileSync(join(release, "gone"), "");
  await until("unhealthy", async () => (await only(one)).health === "unhealthy");
  await until("the loop is told", () => changes > before);
  writeFileSync(join(release, "fine"), "");
  await until("healthy again", async () => (await only(one)).health === "healthy");
});

test("kills a healthcheck that hangs, with all it started", async ({ runtime, app, release }) => {
  const one = runtime();
  const healthcheck = {
    disabled: false,
    test: ["CMD-SHELL", "sleep 66 & echo $! >>checks; wait"],
    intervalMs: 50,
    timeoutMs: 500,
    retries: 1,
  };
  const shop = app({ web: shell("sleep 60", { healthcheck }) });
  await one.start(shop, { service: "web", index: 1 });
  await until("unhealthy", async () => (await only(one)).health === "unhealthy");
  await pidIn(join(release, "checks"));
  await one.stop();
  const pids = readFileSync(join(release, "checks"), "utf8").trim().split("\n");
  await until("no check left", () => pids.every((pid) => !runs(pid)));
});
