import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { docker } from "#test/support/engine.ts";
import { closeDevice, testDevice } from "./device.ts";

const test = suite("observe");
test.after(closeDevice);

test.real("docker", "sees a converged app again with one list call and nothing else", async () => {
  const { app, service, up, until, runtime, engine } = testDevice();
  const idle = app("idle", [
    service("web", { replicas: 2 }),
    service("job", { command: ["true"] }),
  ]);
  await up(idle);
  const settled = (all: { state: string }[]): boolean =>
    all.length === 3 && all.filter(({ state }) => state === "exited").length === 1;
  await until(idle, settled);
  const look = async () => {
    const { list, ...before } = engine.counts();
    const seen = await runtime.observe();
    return { seen, wanted: { ...before, list: list + 1 }, after: engine.counts() };
  };
  let last = await look();
  // A busy Engine tells of its last events late, and each is a reason to ask.
  for (let tries = 0; tries < 100 && !isDeepStrictEqual(last.after, last.wanted); tries += 1) {
    await systemClock.sleep(300);
    last = await look();
  }
  assert.equal(last.seen.filter(({ app: name }) => name === idle.app).length, 3);
  assert.deepEqual(last.after, last.wanted);
});

test.real("docker", "reports hash, release, image, start and exit of a copy", async () => {
  const { app, service, up, until, image } = testDevice();
  const job = app("job", [service("job", { command: ["sh", "-c", "exit 3"] })]);
  await up(job);
  const [copy] = await until(job, ([one]) => one?.state === "exited");
  assert.equal(copy?.exitCode, 3);
  assert.equal(copy?.configHash, job.services["job"]?.configHash);
  assert.equal(copy?.release, job.release);
  assert.equal(copy?.image, image);
  assert.ok(Math.abs((copy?.startedAt ?? 0) - Date.now()) < 60_000);
});

test.real("docker", "follows the health of a copy", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const check = { disabled: false, intervalMs: 300, timeoutMs: 30_000, retries: 1 };
  const sick = app("sick", [
    service("web", {
      healthcheck: { ...check, test: ["CMD", "test", "-e", "/etc/marker"] },
    }),
  ]);
  await up(sick);
  const seen: string[] = [];
  await until(sick, ([one]) => {
    seen.push(one?.health ?? "");
    return one?.health === "healthy";
  });
  assert.ok(["starting", "healthy"].includes(seen[0] ?? ""));
  let woken = 0;
  runtime.onChange(() => (woken += 1));
  docker("exec", `${sick.project}-web-1`, "sh", "-c", "busybox rm /etc/marker");
  const isTold = () => woken > 0 && runtime.occurrences().healthChanges >= 2;
  await until(sick, ([one]) => one?.health === "unhealthy" && isTold());
});

test.real("docker", "counts the restarts of a copy that keeps falling", async () => {
  const { app, service, up, until, runtime } = testDevice();
  const loop = app("loop", [
    service("web", {
      command: ["sh", "-c", "sleep 0.2; exit 1"],
      restart: { name: "always", maxAttempts: 0 },
    }),
  ]);
  await up(loop);
  const isTold = () => runtime.occurrences().exits >= 2;
  const [copy] = await until(loop, ([one]) => (one?.restarts ?? 0) >= 2 && isTold());
  assert.ok(copy !== undefined);
  await runtime.remove(copy);
});

test.real(
  "docker",
  "sees what others made under its project, and leaves other devices alone",
  async () => {
    const { app, service, up, until, image, name, engine, filesDir } = testDevice();
    const shared = app("shared", [service("web")]);
    await up(shared);
    const foreign = `${shared.project}-by-hand`;
    const labels = [
      `com.docker.compose.project=${shared.project}`,
      "com.docker.compose.service=old",
    ];
    docker(
      "run",
      "-d",
      "--name",
      foreign,
      ...labels.flatMap((l) => ["--label", l]),
      image,
      "sleep",
      "300",
    );
    const other = createDockerRuntime({
      engine,
      device: `${name}-other`,
      clock: systemClock,
      filesDir,
    });
    try {
      const seen = await until(shared, (all) => all.length === 2);
      const old = seen.find(({ service: of }) => of === "old");
      assert.equal(old?.configHash, "");
      assert.deepEqual(await other.observe(), []);
    } finally {
      await other.stop();
      docker("rm", "-f", foreign);
    }
  },
);
