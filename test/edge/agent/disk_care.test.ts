import * as assert from "node:assert/strict";
import { existsSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { createBallast } from "#edge/agent/disk_ballast.ts";
import { type Collector, createDiskCare } from "#edge/agent/disk_care.ts";
import type { NewEntry } from "#edge/journal/port.ts";
import { scratch } from "#test/edge/release/fixture.ts";
import { suite } from "#test/suite.ts";
import { createFastClock } from "./clock.ts";

const test = suite("care for the disk");
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const mega = 1_000_000;

async function bench(use: (bench: ReturnType<typeof made>) => Promise<void>): Promise<void> {
  using directory = scratch();
  await use(made(directory.path));
}

/** A disk of 100 MB with a reserve of 20 and a ballast of 2. */
function made(dataDirectory: string) {
  const clock = createFastClock();
  const entries: NewEntry[] = [];
  const disk = { freeBytes: 90 * mega };
  const collected: string[] = [];
  const collector = (name: string, when: Collector["when"], bytes: number): Collector => ({
    name,
    when,
    collect: async () => {
      collected.push(name);
      disk.freeBytes += bytes;
      return bytes === 0 ? undefined : `${bytes / mega} MB of ${name}`;
    },
  });
  const file = join(dataDirectory, "ballast");
  const ballast = createBallast({ file, bytes: 2 * mega });
  const care = createDiskCare({
    ...{ dataDirectory, ballast, clock, log, reserveBytes: 20 * mega },
    journal: { append: (entry) => entries.push(entry) },
    collectors: [
      collector("leftovers", "always", 0),
      collector("images", "short", 10 * mega),
      collector("bundles", "short", 5 * mega),
    ],
    stat: async () => {
      const blocks = Math.floor(disk.freeBytes / 1000);
      return { bavail: blocks, bfree: blocks, blocks: 100_000, bsize: 1000 };
    },
  });
  const told = (): string[] => entries.map(({ body }) => String(body["message"]));
  return { care, ballast, clock, disk, collected, told, file };
}

test("with room the ballast is made, of real blocks, and nothing is collected", () =>
  bench(async ({ care, ballast, collected, told, file }) => {
    await care.round();
    assert.equal(ballast.isThere(), true);
    const { size, blocks } = statSync(file);
    assert.equal(size, 2 * mega);
    assert.ok(blocks * 512 >= size, "it is sparse");
    assert.deepEqual([collected, told()], [[], []]);
    assert.deepEqual(care.facts(), {
      freeBytes: 90 * mega,
      totalBytes: 100 * mega,
      reserveBytes: 20 * mega,
      ballast: true,
      ballastBytes: 2 * mega,
    });
    assert.deepEqual(await care.room(), { freeBytes: 92 * mega, reserveBytes: 20 * mega });
  }));

test("short of room it collects in order of harm, no more than it needs, and says so", () =>
  bench(async ({ care, ballast, disk, collected, told }) => {
    await care.round();
    disk.freeBytes = 12 * mega;
    await care.round();
    assert.deepEqual(collected, ["leftovers", "images"]);
    assert.deepEqual(told(), [
      "12.0 MB are free on the disk, and 20.0 MB should be; removed: 10 MB of images",
    ]);
    assert.equal(ballast.isThere(), true);
  }));

test("a disk that stays short is not collected at every round", () =>
  bench(async ({ care, clock, disk, collected }) => {
    disk.freeBytes = 3 * mega;
    for (let round = 0; round < 5; round += 1) await care.round();
    assert.deepEqual(collected, ["leftovers", "images", "bundles"]);
    disk.freeBytes = 3 * mega;
    clock.advance(600_000);
    await care.round();
    assert.equal(collected.length, 6);
  }));

test("the last room of all is the ballast's, which comes back when there is plenty", () =>
  bench(async ({ care, ballast, disk, told, file }) => {
    await care.round();
    disk.freeBytes = 1 * mega;
    await care.round();
    assert.equal(existsSync(file), false);
    assert.match(told()[0] ?? "", /the ballast was given up$/);
    disk.freeBytes = 23 * mega;
    await care.round();
    assert.equal(ballast.isThere(), false);
    disk.freeBytes = 25 * mega;
    await care.round();
    assert.equal(ballast.isThere(), true);
  }));

test("the journal may take the ballast at once, and once", () =>
  bench(async ({ care, ballast }) => {
    await care.round();
    assert.equal(ballast.release(), true);
    assert.equal(ballast.release(), false);
    assert.equal(care.facts()?.ballast, true);
    await care.round();
    assert.equal(ballast.isThere(), true);
  }));

test("one that was cut short is made again", () =>
  bench(async ({ care, ballast, file }) => {
    await care.round();
    truncateSync(file, 10);
    assert.equal(ballast.isThere(), false);
    await care.round();
    assert.equal(ballast.isThere(), true);
  }));

test("what is harmless is cleaned whatever room there is", () =>
  bench(async ({ care, collected }) => {
    assert.deepEqual(await care.clean(), []);
    assert.deepEqual(collected, ["leftovers"]);
  }));

test("no ballast is wanted where it has no bytes", () => {
  using directory = scratch();
  const ballast = createBallast({ file: join(directory.path, "ballast"), bytes: 0 });
  return ballast.make().then(() => {
    assert.equal(existsSync(join(directory.path, "ballast")), false);
    assert.deepEqual([ballast.isThere(), ballast.release()], [false, false]);
  });
});

/** Over a disk and collectors that the test makes; without a ballast unless it is given. */
function careOver(
  collectors: readonly Collector[],
  freeBytes: () => number,
  ballast = createBallast({ file: "", bytes: 0 }),
) {
  const directory = scratch();
  const { path: dataDirectory } = directory;
  const clock = createFastClock();
  const entries: NewEntry[] = [];
  const care = createDiskCare({
    ...{ dataDirectory, clock, log, collectors, ballast, reserveBytes: 20 * mega },
    journal: { append: (entry) => entries.push(entry) },
    stat: async () => {
      const bavail = Math.floor(freeBytes() / 1000);
      return { bavail, bfree: bavail, blocks: 100_000, bsize: 1000 };
    },
  });
  const told = (): string[] => entries.map(({ body }) => String(body["message"]));
  return { care, clock, told, [Symbol.dispose]: () => directory[Symbol.dispose]() };
}

test("an Engine that takes long to remove an image holds up no round, and nothing else goes meanwhile", async () => {
  const { promise: removed, resolve: finish } = Promise.withResolvers<string>();
  const collected: string[] = [];
  const collector = (name: string, when: Collector["when"], done: Promise<string>): Collector => {
    const collect = (): Promise<string> => {
      collected.push(name);
      return done;
    };
    return { name, when, collect };
  };
  const collectors = [
    collector("images", "always", removed),
    collector("releases", "short", Promise.resolve("an old release")),
  ];
  using bench = careOver(collectors, () => mega);
  const beganMs = performance.now();
  for (let round = 0; round < 2; round += 1) {
    const late = wait(5000, "late");
    assert.notEqual(await Promise.race([bench.care.round(), late]), "late");
  }
  assert.ok(performance.now() - beganMs < 5000);
  assert.deepEqual([collected, bench.told()], [["images"], []]);
  finish("the images a, b");
  await removed;
  await bench.care.round();
  assert.deepEqual(collected, ["images", "releases"]);
  assert.match(bench.told().join(), /removed: the images a, b, an old release$/);
});

test("what was collected for an earlier want of room is no reason to leave the harmless out at the next", async () => {
  const collected: string[] = [];
  const { promise: removed, resolve: finish } = Promise.withResolvers<string>();
  const collect = (name: string, done: Promise<string>) => () => {
    collected.push(name);
    return done;
  };
  let freeBytes = mega;
  const collectors: Collector[] = [
    { name: "images", when: "always", collect: collect("images", removed) },
    { name: "releases", when: "short", collect: collect("releases", Promise.resolve("one")) },
  ];
  using bench = careOver(collectors, () => freeBytes);
  await bench.care.round();
  freeBytes = 50 * mega;
  finish("the images a, b");
  await removed;
  await bench.care.round();
  freeBytes = mega;
  await bench.care.round();
  assert.deepEqual(collected, ["images", "images", "releases"]);
});

test("a card that takes minutes to write the ballast holds up no round, and is not asked twice", async () => {
  let made = 0;
  const ballast = {
    ...createBallast({ file: "", bytes: mega }),
    isThere: () => false,
    make: () => {
      made += 1;
      return new Promise<void>(() => undefined);
    },
  };
  using bench = careOver([], () => 90 * mega, ballast);
  for (let round = 0; round < 2; round += 1) {
    assert.notEqual(await Promise.race([bench.care.round(), wait(5000, "late")]), "late");
  }
  assert.equal(made, 1);
});

test("that a disk stays short is told once, and again after it had room", async () => {
  let freeBytes = 3 * mega;
  using bench = careOver([], () => freeBytes);
  const later = async (): Promise<void> => {
    bench.clock.advance(600_000);
    await bench.care.round();
  };
  for (let round = 0; round < 6; round += 1) await later();
  assert.equal(bench.told().length, 1);
  freeBytes = 50 * mega;
  await later();
  freeBytes = 3 * mega;
  await later();
  assert.equal(bench.told().length, 2);
});
