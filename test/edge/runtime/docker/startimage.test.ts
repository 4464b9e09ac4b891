// What a copy is made from after the tag that its service names has moved to another image.
import * as assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createImageKeeper } from "#edge/runtime/docker/images.ts";
import { createDockerRuntime, type DockerRuntime } from "#edge/runtime/docker/runtime.ts";
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { docker, importBusybox, removeImage, uniqueName } from "#test/support/engine.ts";
import { closeDevice, failure, inside, inspect, testDevice } from "./device.ts";

const test = suite("the image that a copy is made from");
const images: string[] = [];
const runtimes: DockerRuntime[] = [];

test.after(async () => {
  await Promise.all(runtimes.map((runtime) => runtime.stop()));
  await closeDevice();
  for (const image of images) removeImage(image);
});

const spec = { networkMode: "none", stopSignal: "SIGKILL" };

/** A device whose releases all name one tag. */
function bench(project: string) {
  const { name, engine, directory, filesDir, app, service } = testDevice();
  const data = join(directory, project);
  const tag = `${uniqueName("robot")}:1`;
  const told: string[] = [];
  images.push(tag);
  const agent = (): DockerRuntime => {
    const runtime = createDockerRuntime({
      ...{ engine, device: name, clock: systemClock, filesDir },
      images: createImageKeeper({ engine, directory: data }),
      tell: (_, reason, message) => void told.push(`${reason}: ${message}`),
    });
    runtimes.push(runtime);
    return runtime;
  };
  return {
    ...{ tag, told, agent },
    file: join(data, "origins.json"),
    /** Somebody pushes another image under the tag, and it is pulled. */
    move: (marker: string): string => {
      importBusybox(tag, marker);
      const id = docker("image", "inspect", tag, "--format", "{{.Id}}");
      images.push(id);
      return id;
    },
    release: (version: string, replicas = 1): ResolvedApp =>
      app(project, [service("web", { ...spec, image: tag, environment: { version }, replicas })]),
    /** What the copy's image says of itself. */
    marker: (index = 1): string => inside(`${name}-${project}-web-${index}`, "cat", "/etc/marker"),
    imageOf: (index = 1): string => inspect(`${name}-${project}-web-${index}`).Image,
  };
}

async function copiesOf(runtime: DockerRuntime, { app }: ResolvedApp): Promise<ObservedInstance[]> {
  return (await runtime.observe()).filter((copy) => copy.app === app);
}

/** As the loop goes from one release to another. */
async function replace(runtime: DockerRuntime, to: ResolvedApp): Promise<void> {
  const serving = await copiesOf(runtime, to);
  await runtime.check(to, serving);
  await start(runtime, to, serving);
}

async function start(
  runtime: DockerRuntime,
  to: ResolvedApp,
  replaced: readonly ObservedInstance[] = [],
): Promise<void> {
  for (const copy of replaced) await runtime.remove(copy);
  await runtime.prepare(to);
  const count = to.services["web"]?.spec.replicas ?? 0;
  const indexes = Array.from({ length: count }, (_, at) => at + 1);
  await Promise.all(indexes.map((index) => runtime.start(to, { service: "web", index })));
}

async function rollBack(runtime: DockerRuntime, to: ResolvedApp): Promise<void> {
  await start(runtime, to, await copiesOf(runtime, to));
}

test.real(
  "docker",
  "a rollback runs the former image though the tag leads to the one that failed",
  async () => {
    const { tag, move, release, agent, marker, told } = bench("rollback");
    const runtime = agent();
    const [a, b] = [release("a"), release("b")];
    move("good");
    await replace(runtime, a);
    const bad = move("bad");
    await replace(runtime, b);
    assert.equal(marker(), "bad", "another configuration takes what the tag leads to");
    await rollBack(agent(), a);
    assert.equal(marker(), "good", "also after a restart of the agent");
    assert.equal(docker("image", "inspect", tag, "--format", "{{.Id}}"), bad);
    assert.deepEqual(told, []);
  },
);

test.real(
  "docker",
  "a removed copy and a further one are made from the image of the others",
  async () => {
    const { tag, move, release, agent, marker, imageOf } = bench("heal");
    const runtime = agent();
    const id = move("good");
    await replace(runtime, release("a"));
    assert.equal(inspect(`${release("a").project}-web-1`).Config.Image, tag);
    move("pushed by somebody");
    docker("rm", "-f", `${release("a").project}-web-1`);
    await start(runtime, release("a", 3));
    assert.deepEqual([marker(1), marker(2), marker(3)], ["good", "good", "good"]);
    assert.deepEqual([imageOf(1), imageOf(2), imageOf(3)], [id, id, id]);
  },
);

test.real(
  "docker",
  "what failed is tried again with the image that was pushed since, and what served is not",
  async () => {
    const { move, release, agent, marker } = bench("again");
    const runtime = agent();
    const [a, b] = [release("a"), release("b")];
    move("good");
    await replace(runtime, a);
    move("bad");
    await replace(runtime, b);
    await rollBack(runtime, a);
    move("mended");
    await replace(runtime, b);
    assert.equal(marker(), "mended");
    move("newest");
    await replace(runtime, a);
    assert.equal(marker(), "good");
    await replace(runtime, b);
    assert.equal(marker(), "mended");
  },
);

test.real("docker", "a list that is lost or damaged is learned from what runs", async () => {
  for (const harm of [rmSync, (file: string) => writeFileSync(file, "{")]) {
    const { move, release, agent, marker, file } = bench(`learn${harm.length}`);
    move("good");
    await replace(agent(), release("a"));
    harm(file);
    const restarted = agent();
    await restarted.observe();
    move("bad");
    await rollBack(restarted, release("b"));
    await rollBack(agent(), release("a"));
    assert.equal(marker(), "good");
  }
});

test.real(
  "docker",
  "when the image is gone the reference decides, which is told once",
  async () => {
    const { tag, move, release, agent, marker, told } = bench("gone");
    const runtime = agent();
    const [a, b] = [release("a", 2), release("b")];
    const good = move("good");
    await replace(runtime, a);
    move("bad");
    await replace(runtime, b);
    docker("rmi", good);
    await rollBack(runtime, a);
    assert.deepEqual([marker(1), marker(2)], ["bad", "bad"]);
    const short = good.slice("sha256:".length, "sha256:".length + 12);
    assert.deepEqual(told, [
      `ImageGone: image ${short}, which web was made from, is gone from this device: web is made from what ${tag} leads to now`,
    ]);
    docker("rm", "-f", `${a.project}-web-1`, `${a.project}-web-2`);
    docker("rmi", tag);
    const error = await failure(runtime.start(a, { service: "web", index: 1 }));
    assert.equal(error.code, "image_missing");
  },
);

test.real("docker", "an app that was removed and comes back begins anew", async () => {
  const { move, release, agent, marker } = bench("anew");
  const runtime = agent();
  const a = release("a");
  move("before");
  await replace(runtime, a);
  move("now");
  for (const copy of await copiesOf(runtime, a)) await runtime.remove(copy);
  await runtime.cleanUp(a.app, a.project);
  await replace(runtime, a);
  assert.equal(marker(), "now");
});
