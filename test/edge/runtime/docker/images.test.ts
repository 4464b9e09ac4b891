import * as assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { faultOf } from "#edge/runtime/docker/calls/faults.ts";
import { createEngine } from "#edge/runtime/docker/engine.ts";
import { createImageKeeper, type ImageKeeper } from "#edge/runtime/docker/images.ts";
import { createDockerRuntime } from "#edge/runtime/docker/runtime.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import {
  docker,
  dockerSocket,
  importBusybox,
  pushAs,
  removeImage,
  scratchDirectory,
  startRegistry,
  type TestRegistry,
  uniqueName,
} from "#test/support/engine.ts";
import { besidesDocker, failure } from "./device.ts";

const test = suite("collection of images", { limitMs: 60_000 });
const withRegistry = besidesDocker("registry");
const images: string[] = [];
const containers: string[] = [];
let registry: TestRegistry | undefined;

test.after(async () => {
  for (const name of containers) docker("rm", "-f", name);
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

function bench(freeBytes = Number.POSITIVE_INFINITY) {
  const directory = scratchDirectory();
  const engine = createEngine({ socketPath: dockerSocket });
  const file = join(directory, "images.json");
  const room = { dataRoot: engine.dataRoot, reserveBytes: 1e6, freeBytes: async () => freeBytes };
  const keeper = createImageKeeper({ engine, file, room });
  const runtime = createDockerRuntime({
    engine,
    device: uniqueName("pi"),
    clock: systemClock,
    filesDir: join(directory, "files"),
    images: keeper,
  });
  const pull = (image: string, policy: "missing" | "always" = "missing"): Promise<void> =>
    runtime.pull(image, { policy });
  const has = async (image: string): Promise<boolean> =>
    (await engine.inspectImage(image)) !== undefined;
  const collect = (...kept: string[]): Promise<string[]> => keeper.collect(new Set(kept));
  return { engine, file, pull, has, collect };
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
    const { pull, has } = bench(1_000_000);
    const image = await pushed("large");
    const error = await failure(pull(image));
    assert.equal(error.code, "disk_short");
    assert.equal(error.retry, "later");
    assert.match(
      error.message,
      /^the disk is short by \d+(\.\d)? MB for image .*1\.0 MB stay in reserve$/,
    );
    assert.equal(await has(image), false);
  },
);

/** A keeper that has fetched these images, over an Engine of which nothing but that is true. */
async function keeperOf(
  references: readonly string[],
  removeImage: (image: string, keeper: ImageKeeper) => Promise<unknown>,
): Promise<ImageKeeper> {
  const file = join(scratchDirectory(), "images.json");
  writeFileSync(file, JSON.stringify(references.map((reference) => ({ reference, id: "x" }))));
  const engine = {
    ...createEngine({ socketPath: "/dev/null/none" }),
    inspectImage: async () => ({ Id: "x", RepoDigests: [], Os: "linux", Architecture: "arm64" }),
    removeImage: (image: string) => removeImage(image, keeper),
  };
  const keeper = createImageKeeper({ engine, file });
  return keeper;
}

test("an image that the Engine cannot remove keeps no other one", async () => {
  const damaged = faultOf("remove", { statusCode: 500, message: "input/output error" });
  const keeper = await keeperOf(["a:1", "b:1"], (image) =>
    image === "a:1" ? Promise.reject(damaged) : Promise.resolve(),
  );
  assert.deepEqual(await keeper.collect(new Set()), ["b:1"]);
});

test("leaves an image that a pull has found on the device meanwhile", async () => {
  const keeper = await keeperOf(["a:1", "b:1"], (_, itself) => itself.engine.inspectImage("b:1"));
  assert.deepEqual(await keeper.collect(new Set()), ["a:1"]);
  assert.deepEqual(await keeper.collect(new Set()), ["b:1"]);
});
