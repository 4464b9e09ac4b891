import * as assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PullLine } from "#edge/runtime/docker/calls/api.ts";
import { faultOf } from "#edge/runtime/docker/calls/faults.ts";
import { createEngine, type Engine } from "#edge/runtime/docker/engine.ts";
import { createImageKeeper, type ImageKeeper } from "#edge/runtime/docker/images.ts";
import { createDockerRuntime, type DockerRuntime } from "#edge/runtime/docker/runtime.ts";
import type { ResolvedApp } from "#edge/runtime/port.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import {
  docker,
  dockerSocket,
  importBusybox,
  pushAs,
  removeImage,
  removeLabelled,
  scratchDirectory,
  startRegistry,
  type TestRegistry,
  uniqueName,
} from "#test/support/engine.ts";
import { appOf, serviceSpec } from "./apps.ts";
import { besidesDocker, failure } from "./device.ts";

const test = suite("collection of images");
const withRegistry = besidesDocker("registry");
const images: string[] = [];
const containers: string[] = [];
const devices: { device: string; runtime: DockerRuntime }[] = [];
let registry: TestRegistry | undefined;

test.after(async () => {
  for (const name of containers) docker("rm", "-f", name);
  for (const { device, runtime } of devices) {
    await runtime.stop();
    removeLabelled(`metrica.fleet.device=${device}`);
  }
  for (const image of images) removeImage(image);
  await registry?.stop();
});

async function pushed(marker: string, as?: string): Promise<string> {
  registry ??= await startRegistry();
  const name = uniqueName("img");
  const image = as ?? `${registry.host}/${name}:1`;
  importBusybox(name, marker);
  pushAs(name, image);
  removeImage(name);
  images.push(image);
  return image;
}

function bench(freeBytes = Number.POSITIVE_INFINITY, changed: Partial<Engine> = {}) {
  const directory = scratchDirectory();
  const engine = { ...createEngine({ socketPath: dockerSocket }), ...changed };
  const room = { dataRoot: engine.dataRoot, reserveBytes: 1e6, freeBytes: async () => freeBytes };
  const keeper = createImageKeeper({ engine, directory, room });
  const device = uniqueName("pi");
  const runtime = createDockerRuntime({
    engine,
    device,
    clock: systemClock,
    filesDir: join(directory, "files"),
    images: keeper,
  });
  devices.push({ device, runtime });
  const pull = (image: string, policy: "missing" | "always" = "missing"): Promise<void> =>
    runtime.pull(image, { policy });
  const has = async (image: string): Promise<boolean> =>
    (await engine.inspectImage(image)) !== undefined;
  const collect = (...kept: string[]): Promise<string[]> => keeper.collect(kept.map(appWith));
  const file = join(directory, "images.json");
  return { engine, file, runtime, keeper, device, pull, has, collect };
}

function appWith(image: string): ResolvedApp {
  return appOf("kept", "/releases/a", [serviceSpec({ name: "web", image })]);
}

test.real(
  withRegistry,
  "removes what it fetched once no release names it, and only then",
  async () => {
    const { pull, has, collect } = bench();
    const [kept, old] = [await pushed("kept"), await pushed("old")];
    await pull(kept);
    await pull(old);
    assert.deepEqual(await collect(kept, old), []);
    assert.deepEqual(await collect(kept), [old]);
    assert.deepEqual([await has(kept), await has(old)], [true, false]);
    assert.deepEqual(await collect(kept), []);
    assert.deepEqual(await collect(), [kept]);
  },
);

test.real(
  withRegistry,
  "leaves images of others alone, whether a release named them or not",
  async () => {
    const { pull, has, collect } = bench();
    const [theirs, shared] = [await pushed("theirs"), await pushed("shared")];
    docker("pull", "--quiet", theirs);
    docker("pull", "--quiet", shared);
    await pull(shared);
    await pull(shared, "always");
    assert.deepEqual(await collect(), []);
    assert.deepEqual([await has(theirs), await has(shared)], [true, true]);
  },
);

test.real(
  withRegistry,
  "leaves what a container has, running or not, and takes it afterwards",
  async () => {
    const { pull, has, collect } = bench();
    const image = await pushed("in use");
    await pull(image);
    const name = uniqueName("stopped");
    containers.push(name);
    docker("create", "--name", name, image, "sleep", "1");
    assert.deepEqual(await collect(), []);
    assert.equal(await has(image), true);
    docker("rm", name);
    containers.pop();
    assert.deepEqual(await collect(), [image]);
  },
);

test.real(
  withRegistry,
  "an image that its tag has left goes, and what the tag leads to now stays",
  async () => {
    const { engine, pull, has, collect } = bench();
    const image = await pushed("before");
    await pull(image);
    const before = (await engine.inspectImage(image))?.Id ?? "";
    await pushed("after", image);
    await pull(image);
    const after = (await engine.inspectImage(image))?.Id ?? "";
    assert.notEqual(after, before);
    await pull(image);
    assert.equal(await has(before), true);
    assert.deepEqual(await collect(image), [image]);
    assert.deepEqual([await has(before), await has(after)], [false, true]);
  },
);

test.real(
  withRegistry,
  "an image that its tag has left stays while a release on the device was made from it",
  async () => {
    const { engine, runtime, keeper, device, pull, has } = bench();
    const image = await pushed("former");
    const release = (version: string): ResolvedApp => {
      const web = { name: "web", image, command: ["sleep", "300"], stopSignal: "SIGKILL" };
      return appOf(device, "/releases/a", [
        serviceSpec({ ...web, networkMode: "none", environment: { version } }),
      ]);
    };
    const [a, b] = [release("a"), release("b")];
    await pull(image, "always");
    const former = (await engine.inspectImage(image))?.Id ?? "";
    await runtime.start(a, { service: "web", index: 1 });
    await pushed("bad", image);
    await pull(image, "always");
    for (const copy of await runtime.observe()) await runtime.remove(copy);
    await runtime.start(b, { service: "web", index: 1 });
    assert.deepEqual(await keeper.collect([b, a]), []);
    assert.equal(await has(former), true);
    assert.deepEqual(await keeper.collect([b]), [image]);
    assert.deepEqual([await has(former), await has(image)], [false, true]);
  },
);

test.real(
  "docker",
  "an update that does not fit gives up what came before what serves, and nothing else",
  async () => {
    const image = `${uniqueName("fits")}:1`;
    const { file, runtime, device, has, pull } = bench(1_000_000, { pullImage: largeImage });
    const [former, serving] = [imported("former"), imported("serving")];
    writeFileSync(file, JSON.stringify([former, serving].map((id) => ({ reference: image, id }))));
    const web = serviceSpec({ name: "web", image, command: ["sleep", "300"], networkMode: "none" });
    await runtime.start(appOf(device, "/releases/a", [web]), { service: "web", index: 1 });
    assert.equal((await failure(pull(image, "always"))).code, "disk_short");
    assert.deepEqual([await has(former), await has(serving)], [false, true]);

    function imported(marker: string): string {
      images.push(image);
      importBusybox(image, marker);
      return docker("image", "inspect", image, "--format", "{{.Id}}");
    }
    async function* lines(): AsyncGenerator<PullLine> {
      yield { id: "layer", status: "Downloading", progressDetail: { current: 0, total: 5e6 } };
    }
    async function largeImage(): Promise<AsyncIterable<PullLine>> {
      return lines();
    }
  },
);

test.real(
  withRegistry,
  "what came right before a power cut is not forgotten when its tag moves",
  async () => {
    const { engine, file, pull, has, collect } = bench();
    const image = await pushed("cut");
    await pull(image);
    writeFileSync(file, JSON.stringify([{ reference: image, id: "" }]));
    const before = (await engine.inspectImage(image))?.Id ?? "";
    await pushed("after", image);
    docker("tag", before, image);
    await pull(image, "always");
    assert.deepEqual(await collect(image), [image]);
    assert.deepEqual([await has(before), await has(image)], [false, true]);
  },
);

test.real(withRegistry, "what got a name of somebody else is theirs", async () => {
  const { pull, has, collect } = bench();
  const image = await pushed("renamed");
  await pull(image);
  const theirs = `${uniqueName("theirs")}:1`;
  images.push(theirs);
  docker("tag", image, theirs);
  assert.deepEqual(await collect(), [image]);
  assert.equal(await has(theirs), true);
});

test.real(withRegistry, "a list that cannot be read removes nothing", async () => {
  const { file, pull, has, collect } = bench();
  const image = await pushed("forgotten");
  await pull(image);
  writeFileSync(file, "{");
  assert.deepEqual(await collect(), []);
  assert.equal(await has(image), true);
});

test.real(
  withRegistry,
  "breaks a pull off before the disk is full and says what is missing",
  async () => {
    const { pullImage } = createEngine({ socketPath: dockerSocket });
    let isLeft = false;
    const { pull } = bench(1_000_000, {
      pullImage: async (...given) => noted(await pullImage(...given)),
    });
    // Of a small layer the Engine may tell no more than that it is there.
    const image = await pushed(randomBytes(2e6).toString("base64"));
    const error = await failure(pull(image));
    assert.equal(error.code, "disk_short");
    assert.equal(error.retry, "later");
    assert.match(
      error.message,
      /^the disk is short by \d+(\.\d)? MB for image .*1\.0 MB stay in reserve$/,
    );
    assert.equal(isLeft, true);

    /** An Engine beside its registry may have the rest by the time that nobody waits for it any more. */
    async function* noted<T>(lines: AsyncIterable<T>): AsyncGenerator<T> {
      isLeft = true;
      yield* lines;
      isLeft = false;
    }
  },
);

/** A keeper that has fetched these images, over an Engine of which nothing but that is true. */
async function keeperOf(
  references: readonly string[],
  removeImage: (image: string, keeper: ImageKeeper) => Promise<unknown>,
): Promise<ImageKeeper> {
  const directory = scratchDirectory();
  const list = references.map((reference) => ({ reference, id: "x" }));
  writeFileSync(join(directory, "images.json"), JSON.stringify(list));
  const engine = {
    ...createEngine({ socketPath: "/dev/null/none" }),
    inspectImage: async () => ({ Id: "x", RepoDigests: [], Os: "linux", Architecture: "arm64" }),
    removeImage: (image: string) => removeImage(image, keeper),
  };
  const keeper = createImageKeeper({ engine, directory });
  return keeper;
}

test("an image that the Engine cannot remove keeps no other one", async () => {
  const damaged = faultOf("remove", { statusCode: 500, message: "input/output error" });
  const keeper = await keeperOf(["a:1", "b:1"], (image) =>
    image === "a:1" ? Promise.reject(damaged) : Promise.resolve(),
  );
  assert.deepEqual(await keeper.collect([]), ["b:1"]);
});

test("leaves an image that a pull has found on the device meanwhile", async () => {
  const keeper = await keeperOf(["a:1", "b:1"], (_, itself) => itself.engine.inspectImage("b:1"));
  assert.deepEqual(await keeper.collect([]), ["a:1"]);
  assert.deepEqual(await keeper.collect([]), ["b:1"]);
});
