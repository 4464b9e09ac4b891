// The in-memory runtime: what planner and loop tests rely on.
import assert from "node:assert/strict";
import { createMemoryRuntime } from "#edge/runtime/memory.ts";
import { systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { rehashed, resolvedApp } from "#test/edge/runtime/process/fixture.ts";
import { suite } from "#test/suite.ts";

const test = suite("memory runtime");
const healthcheck = { disabled: false, test: ["CMD", "true"] };
const shop = resolvedApp("/release", { web: { image: "web:1", healthcheck }, job: {} });

test("keeps copies as data and writes calls down as text", async () => {
  const runtime = createMemoryRuntime({ clock: systemClock });
  await runtime.check(shop, []);
  await runtime.start(shop, { service: "web", index: 1 });
  await runtime.start(shop, { service: "job", index: 1 });
  const [web, job] = await runtime.observe();
  assert.ok(web && job);
  assert.deepEqual(
    [web.state, web.health, web.image, web.id],
    ["running", "healthy", "web:1", "docker-1"],
  );
  assert.equal(job.health, "none");
  await runtime.remove(web);
  assert.equal((await runtime.observe()).length, 1);
  assert.deepEqual(runtime.calls, [
    "check shop",
    "start shop/web.1",
    "start shop/job.1",
    "remove shop/web.1",
  ]);
});

test("follows the script of a service, or of one configuration of it", async () => {
  const runtime = createMemoryRuntime({ clock: systemClock, name: "process" });
  const error = new FleetError("start_failed", { message: "no luck" });
  runtime.behave("job", { kind: "exits", code: 3 });
  runtime.behave("web", { kind: "runs", health: "unhealthy" }, "hash-2");
  runtime.behave("web", { kind: "fails", error }, "hash-3");
  await runtime.start(shop, { service: "job", index: 1 });
  await runtime.start(shop, { service: "web", index: 1 });
  await runtime.start(rehashed(shop, "hash-2"), { service: "web", index: 2 });
  await assert.rejects(
    runtime.start(rehashed(shop, "hash-3"), { service: "web", index: 3 }),
    error,
  );
  const seen = (await runtime.observe()).map(
    (copy) => `${copy.state} ${copy.health} ${copy.exitCode}`,
  );
  assert.deepEqual(seen, [
    "exited none 3",
    "running healthy undefined",
    "running unhealthy undefined",
  ]);
});

test("fails and changes from outside, and tells its listeners", async () => {
  const runtime = createMemoryRuntime({ clock: systemClock });
  const error = new FleetError("runtime_unavailable", { message: "gone" });
  let told = 0;
  runtime.onChange(() => {
    told += 1;
  });
  await runtime.start(shop, { service: "web", index: 1 });
  runtime.fail("observe", error);
  await assert.rejects(runtime.observe(), error);
  runtime.fail("observe", undefined);
  runtime.change("web", 1, { state: "exited", exitCode: 1 });
  assert.equal((await runtime.observe())[0]?.state, "exited");
  assert.equal(told, 1);
});
