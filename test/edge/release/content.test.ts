import * as assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contentOf, trueContentOf } from "#edge/release/content.ts";
import { manifestOf } from "#edge/release/manifest.ts";
import { sha256 } from "#shared/canonical.ts";
import { Digest } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { scratch } from "./fixture.ts";

const test = suite("content of a release");
const release = Digest.parse("0".repeat(64));
const texts = { "conf/a.txt": "a", "conf/deep/b.txt": "b", "big.txt": "x".repeat(300_000) };
const files = Object.entries(texts).map(([path, text]) => {
  return { path, mode: 0o644, size: text.length, sha256: sha256(text) };
});
const manifest = manifestOf(release, { files, directories: [] });

type Content = ReturnType<typeof trueContentOf> & ReturnType<typeof contentOf>;

function bench(use: (directory: string, content: Content) => void): void {
  using root = scratch();
  const directory = join(root.path, "release");
  mkdirSync(join(directory, "conf", "deep"), { recursive: true });
  for (const [path, text] of Object.entries(texts)) writeFileSync(join(directory, path), text);
  writeFileSync(join(root.path, "secret"), "outside");
  use(directory, { ...contentOf(directory), ...trueContentOf(directory, manifest) });
}

test("reads a text, and none from a directory", () =>
  bench((_directory, { readText }) => {
    assert.equal(readText("conf/a.txt"), "a");
    assert.equal(readText("./conf/../big.txt"), texts["big.txt"]);
    assert.equal(readText("conf"), undefined);
  }));

test("hashes are those of the bundle, whatever became of the files", () =>
  bench((directory, { contentHash }) => {
    const before = contentHash("conf");
    writeFileSync(join(directory, "conf", "a.txt"), "tampered");
    writeFileSync(join(directory, "conf", "new.txt"), "added");
    assert.equal(contentHash("conf/a.txt"), sha256("a"));
    assert.equal(contentHash("./conf/"), before);
    rmSync(join(directory, "conf"), { recursive: true });
    assert.equal(contentHash("conf"), before);
  }));

for (const [what, damage] of [
  ["changed", (file: string) => writeFileSync(file, "c")],
  ["missing", (file: string) => rmSync(file)],
  [
    "a link",
    (file: string) => {
      rmSync(file);
      symlinkSync("/etc/hostname", file);
    },
  ],
] as const) {
  test(`a text of a file that is ${what} is given to nobody`, () =>
    bench((directory, { readText }) => {
      damage(join(directory, "conf", "a.txt"));
      assert.throws(() => readText("conf/a.txt"), { code: "release_damaged", retry: "later" });
      assert.equal(readText("conf/deep/b.txt"), "b");
    }));
}

for (const path of [
  "../secret",
  "conf/../../secret",
  "/etc/hostname",
  "absent",
  "conf/a.txt/below",
  "..",
]) {
  test(`there is nothing at ${path}`, () =>
    bench((_directory, { readText, contentHash, locate }) => {
      assert.equal(readText(path), undefined);
      assert.equal(contentHash(path), undefined);
      assert.equal(locate(path), undefined);
    }));
}

test("a file that someone added is not of the release", () =>
  bench((directory, { readText, contentHash }) => {
    writeFileSync(join(directory, "added"), "x");
    symlinkSync("../secret", join(directory, "link"));
    for (const path of ["added", "link"]) {
      assert.equal(readText(path), undefined);
      assert.equal(contentHash(path), undefined);
    }
  }));

test("a link that someone made on the device leads nowhere", () =>
  bench((directory, { locate }) => {
    symlinkSync("../secret", join(directory, "file"));
    symlinkSync("/etc", join(directory, "directory"));
    for (const path of ["file", "directory", "directory/hostname"]) {
      assert.equal(locate(path), undefined);
    }
  }));
