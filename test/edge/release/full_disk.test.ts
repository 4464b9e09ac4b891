import * as assert from "node:assert/strict";
import { mkdirSync, readdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import { suite } from "#test/suite.ts";
import { run } from "#test/support/engine.ts";
import {
  plainCompose,
  roleTar,
  scratch,
  serveBundles,
  sha256Of,
  specOf,
  stageFrom,
  storeAt,
} from "./fixture.ts";
import { assertWhole, snapshot } from "./whole.ts";

const test = suite("release store on a full disk");
const noise = (length: number): string => "0123456789abcdef".repeat(length / 16);
const roles = [{ "version.txt": "one" }, { "version.txt": "two", "large.txt": noise(1_600_000) }];
/** Long texts by their hash, as a snapshot has them. */
const shown = (files: object = {}): Record<string, string> =>
  Object.fromEntries(
    Object.entries(files).map(([path, text]) => {
      return [path, text.length > 2000 ? sha256Of(Buffer.from(text)) : text];
    }),
  );
const bundles = roles.map((files) => roleTar(files));
const [small, large] = bundles.map((bundle) => specOf(bundle)) as [AppSpec, AppSpec];
const app = small.name;
const contents = new Map(
  [small, large].map((spec, index) => [
    spec.release.digest as string,
    { "compose.yaml": plainCompose, ...shown(roles[index]) },
  ]),
);

interface Disk {
  /** On a file system of its own, of 8 MB. */
  directory: string;
  store: ReturnType<typeof storeAt>;
  /** Leaves so many bytes. */
  fill(leftBytes: number): void;
  empty(): void;
}

/** Mounted in the test and unmounted whatever happens. */
async function onDisk(use: (disk: Disk) => Promise<void>): Promise<void> {
  using root = scratch();
  const mount = join(root.path, "disk");
  mkdirSync(mount);
  await using server = await serveBundles(...bundles);
  run("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", mount]);
  try {
    const directory = join(mount, "data");
    const store = storeAt(directory, server.url, {
      // What the disk says is not believed, so that it is the write that fails.
      statDisk: async () => ({ bavail: 1e9, bsize: 4096 }),
    });
    await stageFrom(store, small);
    await store.swap(app, revisionOf(small));
    await use({
      directory,
      store,
      fill: (leftBytes) => {
        const { bavail, bsize } = statfsSync(mount);
        writeFileSync(join(mount, "filler"), Buffer.alloc(bavail * bsize - leftBytes));
      },
      empty: () => rmSync(join(mount, "filler")),
    });
  } finally {
    run("umount", ["-l", mount]);
  }
}

const short = { code: "disk_short", retry: "later" };

test.real(
  "mount",
  "a download that the disk has no room for gives back what it took, and comes later",
  () =>
    onDisk(async ({ directory, store, fill, empty }) => {
      fill(800_000);
      const before = snapshot(directory);
      await assert.rejects(store.fetch(large.release, {}), short);
      assert.deepEqual(snapshot(directory), before);
      empty();
      await stageFrom(store, large);
      await store.swap(app, revisionOf(large));
      assert.equal(assertWhole(directory, app, contents), large.release.digest);
    }),
);

for (const leftBytes of [0, 4096, 60_000, 700_000, 1_400_000]) {
  test.real(
    "mount",
    `an unpacking that stops with ${leftBytes} bytes leaves what serves and nothing half`,
    () =>
      onDisk(async ({ directory, store, fill, empty }) => {
        await store.fetch(large.release, {});
        await store.verify(large.release);
        fill(leftBytes);
        await assert.rejects(store.stage(large), short);
        assert.equal(assertWhole(directory, app, contents), small.release.digest);
        assert.deepEqual(readdirSync(join(directory, "apps", app, "releases")), [
          small.release.digest,
        ]);
        empty();
        await store.stage(large);
        await store.swap(app, revisionOf(large));
        assert.equal(assertWhole(directory, app, contents), large.release.digest);
      }),
  );
}

test.real("mount", "a swap without room for a link is a short disk, and what served serves", () =>
  onDisk(async ({ directory, store, fill, empty }) => {
    await stageFrom(store, large);
    fill(0);
    // A tmpfs takes links without a block of their own, so inodes are taken away as well.
    const { files, ffree } = statfsSync(directory);
    const remount = (inodes: number): unknown =>
      run("mount", ["-o", `remount,nr_inodes=${inodes}`, join(directory, "..")]);
    remount(files - ffree);
    await assert.rejects(store.swap(app, revisionOf(large)), short);
    assert.equal(assertWhole(directory, app, contents), small.release.digest);
    remount(10_000);
    empty();
    await store.swap(app, revisionOf(large));
    assert.equal(assertWhole(directory, app, contents), large.release.digest);
  }),
);

test.real("mount", "a repair without room changes nothing, and is made later", () =>
  onDisk(async ({ directory, store, fill, empty }) => {
    await stageFrom(store, large);
    await store.swap(app, revisionOf(large));
    const file = join(directory, "apps", app, "releases", large.release.digest, "large.txt");
    writeFileSync(file, "tampered");
    const found = await store.verifyFiles(app, { depth: "read" });
    fill(300_000);
    const repair = (): Promise<void> =>
      store.repairFiles(app, found?.findings ?? [], { keeps: () => false });
    await assert.rejects(repair(), short);
    empty();
    await repair();
    assert.equal(assertWhole(directory, app, contents), large.release.digest);
  }),
);

test("a download asks for room again while it goes on, and stops before others are left without", async () => {
  using root = scratch();
  const big = roleTar({ "big.bin": noise(12_000_000) });
  const spec = specOf(big);
  await using server = await serveBundles(big);
  let asked = 0;
  const store = storeAt(root.path, server.url, {
    reserveBytes: 1_000_000,
    statDisk: async () => {
      asked += 1;
      return { bavail: asked === 1 ? 40_000_000 : 2_000_000, bsize: 1 };
    },
  });
  await assert.rejects(store.fetch(spec.release, {}), (error: Error) => {
    assert.match(error.message, /^the disk is short by 1\d MB for release/);
    return true;
  });
  assert.equal(asked, 2);
  assert.deepEqual(readdirSync(join(root.path, "bundles")), []);
});

test("a sweep takes orphans at once and temporaries the second time that it sees them", async () => {
  using root = scratch();
  await using server = await serveBundles(...bundles);
  const store = storeAt(root.path, server.url);
  await stageFrom(store, small);
  await store.swap(app, revisionOf(small));
  const orphan = `${"0".repeat(64)}.tar.part`;
  writeFileSync(join(root.path, "bundles", orphan), Buffer.alloc(10_000, 1));
  mkdirSync(join(root.path, "apps", app, "releases", "x.tmp-0123"));
  // The power went while the ballast was made.
  writeFileSync(join(root.path, "ballast.tmp-0123"), Buffer.alloc(20_000, 1));
  const wanted = new Set<string>();
  const names = (): string[] => readdirSync(join(root.path, "apps", app, "releases")).sort();
  assert.ok((await store.sweep({ wanted, bundles: "keep" })) >= 10_000);
  assert.deepEqual(readdirSync(join(root.path, "bundles")), [`${small.release.digest}.tar`]);
  assert.deepEqual(names(), [small.release.digest, "x.tmp-0123"]);
  assert.ok((await store.sweep({ wanted, bundles: "keep" })) >= 20_000);
  assert.deepEqual(names(), [small.release.digest]);
  assert.deepEqual(readdirSync(root.path).sort(), ["apps", "bundles"]);
  await store.sweep({ wanted, bundles: "spare" });
  assert.deepEqual(readdirSync(join(root.path, "bundles")), []);
});
