// Containers whose limits somebody changes while they run.
import assert from "node:assert/strict";
import type { ComposeService } from "#shared/compose/model.ts";
import { suite } from "#test/suite.ts";
import { docker } from "#test/support/engine.ts";
import { bareService } from "#test/support/service.ts";
import { closeDevice, inspect, testDevice } from "./device.ts";

const test = suite("limits changed under a container");
test.after(closeDevice);

const { resources: unlimited } = bareService({ name: "any" });
const mib = 1_048_576;
const web = { service: "web", index: 1 };
const limited: Partial<ComposeService> = {
  resources: { ...unlimited, memoryBytes: 64 * mib, cpus: 0.5, pids: 50 },
  restart: { name: "always", maxAttempts: 0 },
};

async function upAndSeen(project: string, spec: Partial<ComposeService>) {
  const { app, service, up, until } = testDevice();
  const made = app(project, [service("web", spec)]);
  await up(made);
  const [copy] = await until(made, ([one]) => one?.state === "running");
  assert.ok(copy);
  assert.equal(copy.edited, undefined);
  return { made, copy, name: `${made.project}-web-1` };
}

test.real("docker", "are seen at the next look, and put back without a restart", async () => {
  const { until, runtime } = testDevice();
  const { made, copy, name } = await upAndSeen("updated", limited);
  docker("update", "--memory", "32m", "--memory-swap", "96m", "--cpus", "0.25", name);
  docker("update", "--pids-limit", "20", "--restart", "no", name);
  const [seen] = await until(made, ([one]) => one?.edited?.length === 5);
  assert.deepEqual(seen?.edited, [
    "the memory limit is 32 MiB instead of 64 MiB",
    "the limit of memory and swap is 96 MiB instead of 128 MiB",
    "the CPU limit is 0.25 CPUs instead of 0.5 CPUs",
    "the limit of processes is 20 instead of 50",
    "the restart policy is no instead of always",
  ]);
  await runtime.start(made, web);
  const [after] = await until(made, ([one]) => one?.edited === undefined);
  assert.deepEqual([after?.id, after?.startedAt], [copy.id, copy.startedAt]);
  const { Memory, MemorySwap, NanoCpus, PidsLimit, RestartPolicy } = inspect(name).HostConfig;
  assert.deepEqual([Memory, MemorySwap], [64 * mib, 128 * mib]);
  assert.deepEqual([NanoCpus, PidsLimit, RestartPolicy.Name], [5e8, 50, "always"]);
});

test.real("docker", "where none was wanted, another container takes its place", async () => {
  const { until, runtime } = testDevice();
  const { made, copy, name } = await upAndSeen("bare", {});
  docker("update", "--memory", "32m", "--memory-swap", "64m", name);
  const [seen] = await until(made, ([one]) => one?.edited !== undefined);
  assert.match(seen?.edited?.[0] ?? "", /^the memory limit is 32 MiB instead of none$/);
  await runtime.start(made, web);
  const [after] = await until(made, ([one]) => one?.state === "running");
  assert.notEqual(after?.id, copy.id);
  assert.equal(after?.edited, undefined);
  assert.equal(inspect(name).HostConfig.Memory, 0);
});
