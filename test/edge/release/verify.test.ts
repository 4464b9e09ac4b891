import * as assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "#test/suite.ts";
import { plainCompose, storeAt } from "./fixture.ts";
import { app, type Bench, bench, large, look, none, read } from "./serving_bench.ts";

const test = suite("files of the current release");
test("a release that nobody touched has no findings, at a look and when all is read", () =>
  bench(async ({ store }) => {
    const first = await store.verifyFiles(app, look);
    assert.deepEqual([first?.findings, first?.unread], [[], false]);
    const second = await store.verifyFiles(app, look);
    assert.deepEqual(second, { findings: [], text: "", looks: 10, bytes: 0, unread: false });
    assert.equal(
      (await store.verifyFiles(app, read))?.bytes,
      large.length + plainCompose.length + 19,
    );
  }));

const damages: [what: string, text: RegExp, damage: (at: Bench["at"]) => void][] = [
  [
    "a changed file",
    /^conf\/a\.txt was changed$/,
    (at) => writeFileSync(at("conf/a.txt"), "ALPHA"),
  ],
  [
    "a changed file of the same size and times",
    /^conf\/a\.txt was changed$/,
    (at) => {
      const { atime, mtime } = statSync(at("conf/a.txt"));
      writeFileSync(at("conf/a.txt"), "alphb");
      utimesSync(at("conf/a.txt"), atime, mtime);
    },
  ],
  ["a file that grew", /^large\.bin was changed$/, (at) => appendFileSync(at("large.bin"), "y")],
  ["a missing file", /^conf\/deep\/b\.txt is missing$/, (at) => rmSync(at("conf/deep/b.txt"))],
  [
    "other permissions",
    /^bin\/run\.sh has other permissions$/,
    (at) => chmodSync(at("bin/run.sh"), 0o644),
  ],
  [
    "a set-user-id bit",
    /^bin\/run\.sh has other permissions$/,
    (at) => chmodSync(at("bin/run.sh"), 0o4755),
  ],
  ["an open directory", /^conf has other permissions$/, (at) => chmodSync(at("conf"), 0o777)],
  [
    "an extra file",
    /^conf\/z\.conf is not part of the release$/,
    (at) => writeFileSync(at("conf/z.conf"), ""),
  ],
  [
    "an extra directory",
    /^more is not part/,
    (at) => mkdirSync(at("more/and/more"), { recursive: true }),
  ],
  [
    "a missing empty directory",
    /^empty is missing$/,
    (at) => rmSync(at("empty"), { recursive: true }),
  ],
  [
    "a missing directory",
    /^conf is missing; conf\/deep is missing; conf\/a\.txt is missing; conf\/deep\/b\.txt is missing$/,
    (at) => rmSync(at("conf"), { recursive: true }),
  ],
  [
    "a link in the place of a file",
    /^conf\/a\.txt was replaced by something/,
    (at) => {
      rmSync(at("conf/a.txt"));
      symlinkSync("/etc/hostname", at("conf/a.txt"));
    },
  ],
  [
    "a link in the place of a directory with the same files",
    /^conf was replaced by something/,
    (at) => {
      renameSync(at("conf"), at("..", "elsewhere"));
      symlinkSync(at("..", "elsewhere"), at("conf"));
    },
  ],
  [
    "a directory in the place of a file",
    /^conf\/a\.txt was replaced by something/,
    (at) => {
      rmSync(at("conf/a.txt"));
      mkdirSync(at("conf/a.txt/x"), { recursive: true });
    },
  ],
  [
    "everything gone",
    /^bin is missing; conf is missing; .*; and 4 more$/,
    (at) => rmSync(at(), { recursive: true }),
  ],
];

/** Paths, modes and contents. */
function treeOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    names.map((name) => {
      const stats = lstatSync(join(directory, name));
      const text = stats.isFile() ? readFileSync(join(directory, name), "utf8") : "";
      return [name, `${stats.mode.toString(8)} ${text}`];
    }),
  );
}

for (const [what, text, damage] of damages) {
  test(`a look finds ${what}, and the bundle brings the release back`, () =>
    bench(async ({ root, store, at, server }) => {
      const before = treeOf(at());
      await store.verifyFiles(app, look);
      damage(at);
      await store.mend(app, () => ({ specs: [] }));
      const found = await store.verifyFiles(app, look);
      assert.match(found?.text ?? "", text);
      assert.deepEqual((await store.verifyFiles(app, look))?.text, found?.text);
      const asked = server.requests.length;
      await store.repairFiles(app, found?.findings ?? [], none);
      assert.equal(server.requests.length, asked, "the kept bundle is enough");
      assert.deepEqual(treeOf(at()), before);
      assert.deepEqual((await store.verifyFiles(app, look))?.findings, []);
      assert.deepEqual((await store.verifyFiles(app, read))?.findings, []);
      const names = readdirSync(join(root, "apps", app, "releases"));
      assert.deepEqual(
        names.filter((name) => name.includes(".tmp-")),
        [],
      );
    }));

  test(`a process that starts later finds ${what} too`, () =>
    bench(async ({ root, server, at }) => {
      damage(at);
      const later = storeAt(root, server.url);
      await later.mend(app, () => ({ specs: [] }));
      assert.match((await later.verifyFiles(app, look))?.text ?? "", text);
    }));
}

/** Both in turn, so that a busy moment of the machine falls on both. @returns ms of each */
async function mediansOf(one: () => Promise<unknown>, other: () => Promise<unknown>) {
  const times: [number, number][] = [];
  for (let round = 0; round < 100; round += 1) times.push([await msOf(one), await msOf(other)]);
  const median = (of: 0 | 1): number =>
    times.map((pair) => pair[of]).sort((a, b) => a - b)[times.length / 2] ?? 0;
  return [median(0), median(1)] as const;
}

async function msOf(act: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await act();
  return performance.now() - from;
}

test("a look costs little more than asking the file system once for each file", () =>
  bench(async ({ store, at }) => {
    await store.mend(app, () => ({ specs: [] }));
    const { looks = 0 } = (await store.verifyFiles(app, look)) ?? {};
    const ask = async () => {
      for (let count = 0; count < looks; count += 1) await lstat(at("compose.yaml"));
    };
    const lookAtAll = async () => {
      await store.mend(app, () => assert.fail("nothing has to be mended"));
      await store.verifyFiles(app, look);
    };
    const [bareMs, lookMs] = await mediansOf(ask, lookAtAll);
    assert.ok(looks > 0 && lookMs < bareMs * 5, `${lookMs} ms against ${bareMs} ms`);
  }));
