import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { docker } from "#test/support/engine.ts";
import { instanceOf } from "./apps.ts";
import { closeDevice, inspect, testDevice } from "./device.ts";

const test = suite("remove and restart");
test.after(closeDevice);

const defaultGraceMs = 10_000;

test.real("docker", "stops within the grace period, and does nothing to what is gone", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const deaf = app("deaf", [
    service("web", { command: ["sh", "-c", "trap '' TERM; sleep 300"], stopGraceMs: 1000 }),
  ]);
  await up(deaf);
  const [copy] = await until(deaf, (all) => all.length === 1);
  const started = performance.now();
  await runtime.remove(copy ?? instanceOf("none"));
  const tookMs = performance.now() - started;
  assert.ok(tookMs >= 900 && tookMs < defaultGraceMs, `${tookMs} ms`);
  await runtime.remove(copy ?? instanceOf("none"));
  assert.deepEqual(await until(deaf, (all) => all.length === 0), []);
});

test.real("docker", "restarts a copy in place", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const web = app("restarted", [service("web", { stopGraceMs: 0 })]);
  await up(web);
  const [copy] = await until(web, (all) => all.length === 1);
  const before = inspect(`${web.project}-web-1`);
  await runtime.restart(copy ?? instanceOf("none"));
  const after = inspect(`${web.project}-web-1`);
  assert.equal(after.Id, before.Id);
  assert.notEqual(after.State.StartedAt, before.State.StartedAt);
  const [again] = await until(web, ([one]) => one?.startedAt !== copy?.startedAt);
  assert.equal(again?.state, "running");
});

test.real("docker", "ends every copy of the device at once, and leaves no network", async () => {
  const { app, service, up, runtime, name } = testDevice();
  await up(app("one", [service("web", { stopGraceMs: 0, replicas: 2 })]));
  await up(app("two", [service("api", { stopGraceMs: 0 })]));
  const own = ["-q", "--filter", `label=metrica.fleet.device=${name}`];
  assert.ok(docker("network", "ls", ...own).split("\n").length >= 2);
  await runtime.endAll();
  assert.deepEqual(await runtime.observe(), []);
  assert.equal(docker("network", "ls", ...own), "");
});
