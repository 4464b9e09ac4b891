import * as assert from "node:assert/strict";
import {
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
import type { RevisionId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { roleTar, scratch, serveBundles, specOf, stageFrom, storeAt } from "./fixture.ts";

const test = suite("the way to the current release");
const bundles = ["one", "two"].map((text) => roleTar({ "version.txt": text }));
const [one, two] = bundles.map((bundle) => specOf(bundle)) as [AppSpec, AppSpec];
const [first, second] = [revisionOf(one), revisionOf(two)];
const app = one.name;

interface Bench {
  home: string;
  store: ReturnType<typeof storeAt>;
  mend: (hint?: { current?: RevisionId; specs?: AppSpec[] }) => Promise<string[]>;
  current: () => Promise<RevisionId | undefined>;
}

/** `two` is current, `one` the previous. */
async function bench(use: (bench: Bench) => Promise<void>): Promise<void> {
  using directory = scratch();
  await using server = await serveBundles(...bundles);
  const store = storeAt(directory.path, server.url);
  for (const spec of [one, two]) {
    await stageFrom(store, spec);
    await store.swap(app, revisionOf(spec));
  }
  await store.tidy(app, new Set());
  await use({
    home: join(directory.path, "apps", app),
    store,
    mend: (hint = {}) => store.mend(app, () => ({ specs: [], ...hint })),
    current: async () => (await store.apps())[0]?.current,
  });
}

test("a way that is whole is left alone, and not even asked about twice", () =>
  bench(async ({ store, mend }) => {
    assert.deepEqual(await mend(), []);
    assert.deepEqual(await store.mend(app, () => assert.fail("asked")), []);
  }));

for (const [what, damage] of [
  ["gone", (file: string) => rmSync(file)],
  ["cut short", (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 40))],
  ["that of another revision", (file: string) => writeFileSync(file, JSON.stringify(one))],
] as const) {
  test(`a record that is ${what} comes back from its copy`, () =>
    bench(async ({ home, store, mend, current }) => {
      await mend();
      damage(join(home, "revisions", second, "app.json"));
      assert.match((await mend()).join(), /^the record of revision [0-9a-f]{12} was damaged$/);
      assert.equal(await current(), second);
      assert.deepEqual((await store.load(app, second)).spec, two);
      assert.deepEqual(await mend(), []);
    }));
}

test("a record without its copy comes back from what the hub wants", () =>
  bench(async ({ home, store, mend, current }) => {
    rmSync(join(home, "revisions", second), { recursive: true });
    rmSync(join(home, "records", `revision-${second}.json`));
    await mend({ specs: [one, two] });
    assert.equal(await current(), second);
    assert.deepEqual((await store.load(app, second)).spec, two);
  }));

test("a release of which nobody knows what it was gives way to the previous one", () =>
  bench(async ({ home, mend, current }) => {
    rmSync(join(home, "revisions", second, "app.json"));
    rmSync(join(home, "records", `revision-${second}.json`));
    await mend({ specs: [one], current: second });
    assert.equal(await current(), first);
  }));

for (const [what, damage] of [
  [
    "nowhere",
    (link: string) => {
      rmSync(link);
      symlinkSync("revisions/nowhere", link);
    },
  ],
  [
    "to a revision that was never here",
    (link: string) => {
      rmSync(link);
      symlinkSync(`revisions/${"f".repeat(64)}`, link);
    },
  ],
  [
    "to no link but a file",
    (link: string) => {
      rmSync(link);
      writeFileSync(link, "");
    },
  ],
  [
    "to no link but a directory",
    (link: string) => {
      rmSync(link);
      mkdirSync(join(link, "x"), { recursive: true });
    },
  ],
  ["to nothing, being gone", (link: string) => rmSync(link)],
] as const) {
  test(`current that leads ${what} leads to what the journal knows again`, () =>
    bench(async ({ home, store, mend, current }) => {
      await mend();
      damage(join(home, "current"));
      assert.equal(await current(), undefined);
      const text = (await mend({ current: second })).join();
      assert.match(text, /^the link current led to no release; it leads to [0-9a-f]{12} again$/);
      assert.equal(await current(), second);
      assert.equal(readlinkSync(join(home, "current")), `revisions/${second}`);
      assert.deepEqual((await store.load(app, second)).spec, two);
    }));
}

test("a broken link of which the journal knows nothing leads to the previous release", () =>
  bench(async ({ home, mend, current }) => {
    rmSync(join(home, "current"));
    symlinkSync("nonsense", join(home, "current"));
    await mend();
    assert.equal(await current(), first);
  }));

test("a link that was taken away on purpose does not come back", () =>
  bench(async ({ store, mend, current }) => {
    await store.rollBack(app, undefined);
    assert.deepEqual(await mend(), []);
    assert.equal(await current(), undefined);
  }));

test("a release that is gone stays current and is unpacked again by the repair", () =>
  bench(async ({ home, store, mend, current }) => {
    const release = join(home, "releases", two.release.digest);
    rmSync(release, { recursive: true });
    assert.match((await mend()).join(), /^the directory of release [0-9a-f]{12} was gone$/);
    assert.equal(await current(), second);
    await assert.rejects(store.load(app, second), { code: "release_damaged" });
    const found = await store.verifyFiles(app, { depth: "look" });
    await store.repairFiles(app, found?.findings ?? [], { keeps: () => false });
    assert.deepEqual(readdirSync(release).sort(), ["compose.yaml", "version.txt"]);
    assert.equal((await store.load(app, second)).readText("version.txt"), "two");
  }));

test("the link to the content is set right", () =>
  bench(async ({ home, mend, current }) => {
    const content = join(home, "revisions", second, "content");
    rmSync(content);
    symlinkSync("/etc", content);
    await mend();
    assert.equal(readlinkSync(content), `../../releases/${two.release.digest}`);
    assert.equal(await current(), second);
  }));

test("a record that does not belong to its revision is refused", () =>
  bench(async ({ home, store }) => {
    const file = join(home, "revisions", first, "app.json");
    writeFileSync(file, JSON.stringify({ ...one, values: { A: "tampered" } }));
    await assert.rejects(store.load(app, first), { code: "release_damaged" });
    writeFileSync(file, "{");
    await assert.rejects(store.load(app, first), { code: "release_damaged" });
  }));
