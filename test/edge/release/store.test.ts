import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import type { FleetError } from "#shared/errors.ts";
import { RevisionId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { roleTar, scratch, serveBundles, specOf, stageFrom, storeAt, tarOf } from "./fixture.ts";

const test = suite("release store");
const bundles = ["one", "two", "three"].map((text) => roleTar({ "version.txt": text }));
const specs = bundles.map((bundle) => specOf(bundle)) as [AppSpec, AppSpec, AppSpec];
const [one, two, three] = specs;
const [first, second, third] = specs.map(revisionOf) as [RevisionId, RevisionId, RevisionId];
const app = one.name;
const unknown = RevisionId.parse("f".repeat(64));

interface Bench {
  directory: string;
  store: ReturnType<typeof storeAt>;
  current: () => string | undefined;
  inApp: (...path: string[]) => string[];
}

/** A store with all three revisions staged. */
async function bench(
  use: (bench: Bench) => Promise<void>,
  staged: readonly AppSpec[] = specs,
): Promise<void> {
  using directory = scratch();
  await using server = await serveBundles(...bundles);
  const store = storeAt(directory.path, server.url);
  for (const spec of staged) await stageFrom(store, spec);
  const home = join(directory.path, "apps", app);
  const version = join(home, "current", "content", "version.txt");
  await use({
    directory: directory.path,
    store,
    current: () => (existsSync(version) ? readFileSync(version, "utf8") : undefined),
    inApp: (...path) => readdirSync(join(home, ...path)).sort(),
  });
}

test("an empty disk has no apps", () =>
  bench(async ({ store }) => {
    assert.deepEqual(await store.apps(), []);
    assert.equal(await store.isStaged(app, first), false);
    await store.tidy(app, new Set());
    await store.removeApp(app);
    await store.rollBack(app, undefined);
  }, []));

test("staging unpacks beside what serves and only sets next", () =>
  bench(async ({ store, current }) => {
    assert.deepEqual(await store.apps(), [{ app, next: third }]);
    assert.equal(await store.isStaged(app, first), true);
    assert.equal(current(), undefined);
  }));

test("a swap keeps what served as the previous one", () =>
  bench(async ({ store, current }) => {
    await store.swap(app, first);
    assert.equal(current(), "one");
    await store.swap(app, second);
    await store.swap(app, second);
    assert.equal(current(), "two");
    assert.deepEqual(await store.apps(), [{ app, current: second, previous: first, next: third }]);
  }));

test("a roll back makes the old one current and leaves no way back to the failed one", () =>
  bench(async ({ store, current }) => {
    await store.swap(app, first);
    await store.swap(app, second);
    await store.rollBack(app, first);
    await store.rollBack(app, first);
    assert.equal(current(), "one");
    assert.deepEqual(await store.apps(), [{ app, current: first, next: third }]);
  }));

test("a roll back of a first install leaves nothing current", () =>
  bench(async ({ store, current }) => {
    await store.swap(app, first);
    await store.rollBack(app, undefined);
    await store.rollBack(app, undefined);
    assert.equal(current(), undefined);
    assert.deepEqual(await store.apps(), [{ app, next: third }]);
  }));

test("neither swaps to nor rolls back to what is not there", () =>
  bench(async ({ store, current }) => {
    await store.swap(app, first);
    await assert.rejects(store.swap(app, unknown), { code: "not_found" });
    await assert.rejects(store.rollBack(app, unknown), { code: "not_found" });
    assert.equal(current(), "one");
  }));

test("tidying keeps current and previous and what an instance still uses", () =>
  bench(async ({ directory, store, inApp }) => {
    await store.swap(app, first);
    await store.swap(app, second);
    await store.swap(app, third);
    await store.tidy(app, new Set([one.release.digest]));
    assert.deepEqual(inApp(), ["current", "previous", "records", "releases", "revisions"]);
    assert.deepEqual(inApp("revisions"), [second, third].sort());
    assert.deepEqual(inApp("releases"), specs.map((spec) => spec.release.digest).sort());
    await store.tidy(app, new Set());
    assert.deepEqual(inApp("releases"), [two, three].map((spec) => spec.release.digest).sort());
    const bundleNames = readdirSync(join(directory, "bundles")).sort();
    assert.deepEqual(bundleNames, [two, three].map((spec) => `${spec.release.digest}.tar`).sort());
  }));

test("tidying sweeps up what crashes have left", () =>
  bench(async ({ directory, store, inApp }) => {
    await store.swap(app, first);
    const home = join(directory, "apps", app);
    mkdirSync(join(home, "releases", `${three.release.digest}.tmp-0123`, "half"), {
      recursive: true,
    });
    mkdirSync(join(home, "revisions", `${third}.tmp-0123`));
    symlinkSync("revisions/nowhere", join(home, "current.tmp-0123"));
    mkdirSync(join(directory, "apps", "gone.tmp-0123", "releases"), { recursive: true });
    writeFileSync(join(directory, "bundles", `${"0".repeat(64)}.tar.part`), "given up");
    await store.tidy(app, new Set());
    assert.deepEqual(inApp(), ["current", "records", "releases", "revisions"]);
    assert.deepEqual(inApp("records"), [
      `release-${one.release.digest}.json`,
      `revision-${first}.json`,
    ]);
    assert.deepEqual(inApp("releases"), [one.release.digest]);
    assert.deepEqual(inApp("revisions"), [first]);
    assert.deepEqual(readdirSync(join(directory, "apps")), [app]);
    assert.deepEqual(readdirSync(join(directory, "bundles")), [`${one.release.digest}.tar`]);
  }));

test("tidying one app leaves the bundle that another one has just fetched", () =>
  bench(
    async ({ store }) => {
      await store.swap(app, first);
      const other = specOf(bundles[1] as Buffer, { name: "other" });
      await store.fetch(other.release, {});
      await store.verify(other.release);
      await store.tidy(app, new Set());
      assert.equal(await store.hasBundle(other.release.digest), true);
      await store.stage(other);
    },
    [one],
  ));

test("two apps of one role stage from one download", async () => {
  using directory = scratch();
  await using server = await serveBundles(...bundles);
  const store = storeAt(directory.path, server.url);
  const other = specOf(bundles[0] as Buffer, { name: "other", values: { A: "1" } });
  await stageFrom(store, one);
  await stageFrom(store, other);
  assert.equal(server.requests.length, 1);
  await store.removeApp(app);
  assert.equal(await store.hasBundle(one.release.digest), true);
  await store.removeApp(other.name);
  assert.equal(await store.hasBundle(one.release.digest), false);
  assert.deepEqual(await store.apps(), []);
});

test("staging again mends a release that is gone and takes over the newer commit", () =>
  bench(async ({ directory, store }) => {
    rmSync(join(directory, "apps", app, "releases", one.release.digest), { recursive: true });
    assert.equal(await store.isStaged(app, first), false);
    await assert.rejects(store.load(app, first), { code: "not_found" });
    const commit = "b".repeat(40);
    const reverted = specOf(bundles[0] as Buffer, { commit });
    assert.equal(revisionOf(reverted), first);
    await store.stage(reverted);
    assert.equal((await store.load(app, first)).spec.release.commit, commit);
  }));

test("staging without the bundle asks for a new download", () =>
  bench(async ({ store }) => {
    await assert.rejects(store.stage(one), { code: "bundle_corrupt", retry: "later" });
  }, []));

test("a refused bundle leaves nothing under a release's name", async () => {
  using directory = scratch();
  const bundle = Buffer.alloc(2048, "no tar ");
  await using server = await serveBundles(bundle);
  const store = storeAt(directory.path, server.url);
  await assert.rejects(stageFrom(store, specOf(bundle)), { code: "bundle_invalid" });
  assert.deepEqual(readdirSync(join(directory.path, "apps", app, "releases")), []);
  assert.deepEqual(await store.apps(), [{ app }]);
});

test("does not unpack where the disk is short", () =>
  bench(
    async ({ directory }) => {
      const short = async () => ({ bavail: 0, bsize: 4096 });
      const store = storeAt(directory, "http://unused.invalid", { statDisk: short });
      const other = specOf(bundles[0] as Buffer, { name: "other" });
      await assert.rejects(store.stage(other), { code: "disk_short" });
    },
    [one],
  ));

test("a link whose release is damaged counts as absent", () =>
  bench(async ({ directory, store }) => {
    await store.swap(app, first);
    rmSync(join(directory, "apps", app, "releases", one.release.digest), { recursive: true });
    assert.deepEqual(await store.apps(), [{ app, next: third }]);
  }));

test("links are relative, so that the data directory can move", () =>
  bench(async ({ directory, store }) => {
    await store.swap(app, first);
    assert.equal(readlinkSync(join(directory, "apps", app, "current")), `revisions/${first}`);
    const content = join(directory, "apps", app, "revisions", first, "content");
    assert.equal(readlinkSync(content), `../../releases/${one.release.digest}`);
  }));

test("loads a revision with its role's defaults, and reads its files once", () =>
  bench(async ({ directory, store }) => {
    const staged = await store.load(app, first);
    assert.deepEqual(staged.spec, one);
    assert.equal(staged.revision, first);
    assert.equal(staged.role.health.gracePeriodSeconds, 60);
    assert.match(staged.composeText, /image: web:1/);
    assert.equal(staged.readText("version.txt"), "one");
    const hash = createHash("sha256").update("one").digest("hex");
    assert.equal(staged.contentHash("version.txt"), hash);
    assert.equal(staged.contentHash("absent"), undefined);
    assert.equal(staged.directory, join(directory, "apps", app, "releases", one.release.digest));
    assert.equal(await store.load(app, first), staged);
  }));

async function loadError(files: Record<string, string>): Promise<FleetError> {
  using directory = scratch();
  const bundle = roleTar(files);
  await using server = await serveBundles(bundle);
  const store = storeAt(directory.path, server.url);
  const spec = specOf(bundle);
  await stageFrom(store, spec);
  const error = await store.load(spec.name, revisionOf(spec)).then(
    () => assert.fail("it was loaded"),
    (thrown: FleetError) => thrown,
  );
  assert.equal(error.code, "role_invalid");
  return error;
}

const head = "apiVersion: metrica.fleet/v1\nkind: Role\n";

for (const [what, text, sentence] of [
  ["broken YAML", `${head}values: {a: 1\nhealth:`, /^roles\/web\/role\.yaml:\d+: /],
  [
    "an unknown field",
    `${head}health:\n  grace: 5\n`,
    /role\.yaml:4: health\.grace: is not a key that is known here$/,
  ],
  [
    "a wrong type",
    `${head}requires: robots\n`,
    /role\.yaml:3: requires: must be a list, but is a text$/,
  ],
  [
    "a half-right probe",
    `${head}health:\n  probes:\n    - http: http://x\n      status: 999\n`,
    /role\.yaml:6: health\.probes\.0\.status: /,
  ],
  ["a missing version", "kind: Role\n", /role\.yaml:1: apiVersion: /],
] as const) {
  test(`names file, line and key of ${what} in role.yaml`, async () => {
    const error = await loadError({ "role.yaml": text });
    assert.match(error.sentence, sentence);
  });
}

test("a role without compose.yaml is refused", async () => {
  using directory = scratch();
  const bundle = tarOf([{ path: "docker-compose.yml", content: "services: {}" }]);
  await using server = await serveBundles(bundle);
  const store = storeAt(directory.path, server.url);
  const spec = specOf(bundle);
  await stageFrom(store, spec);
  await assert.rejects(store.load(spec.name, revisionOf(spec)), (error: FleetError) => {
    assert.equal(error.sentence, "roles/web/compose.yaml: the role has no compose.yaml");
    return true;
  });
});
