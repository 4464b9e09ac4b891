import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { contentOf } from "#edge/release/content.ts";
import { suite } from "#test/suite.ts";
import { scratch } from "./fixture.ts";

const test = suite("content of a release");

function bench(use: (directory: string, content: ReturnType<typeof contentOf>) => void): void {
  using root = scratch();
  const directory = join(root.path, "release");
  mkdirSync(join(directory, "conf", "deep"), { recursive: true });
  writeFileSync(join(directory, "conf", "a.txt"), "a");
  writeFileSync(join(directory, "conf", "deep", "b.txt"), "b");
  writeFileSync(join(root.path, "secret"), "outside");
  use(directory, contentOf(directory));
}

test("a file's hash is its sha256, also when it is larger than a chunk", () =>
  bench((directory, { contentHash }) => {
    const large = Buffer.alloc(3_000_000, "x");
    writeFileSync(join(directory, "large"), large);
    const expected = createHash("sha256").update(large).digest("hex");
    assert.equal(contentHash("large"), expected);
    assert.equal(contentHash("./conf/../large"), expected);
  }));

for (const [what, change] of [
  ["a content", (at: string) => writeFileSync(join(at, "deep", "b.txt"), "c")],
  ["a name", (at: string) => renameSync(join(at, "a.txt"), join(at, "c.txt"))],
  ["a mode", (at: string) => chmodSync(join(at, "a.txt"), 0o755)],
  ["a place", (at: string) => renameSync(join(at, "deep", "b.txt"), join(at, "b.txt"))],
  ["an empty directory", (at: string) => mkdirSync(join(at, "empty"))],
  ["a missing file", (at: string) => rmSync(join(at, "a.txt"))],
] as const) {
  test(`a directory's hash changes with ${what}`, () =>
    bench((directory, { contentHash }) => {
      const before = contentHash("conf");
      assert.match(before ?? "", /^[0-9a-f]{64}$/);
      assert.equal(contentHash("./conf/"), before);
      change(join(directory, "conf"));
      assert.notEqual(contentHash("conf"), before);
    }));
}

test("equal directories have equal hashes whatever the order of writing", () =>
  bench((directory, { contentHash }) => {
    mkdirSync(join(directory, "twin", "deep"), { recursive: true });
    writeFileSync(join(directory, "twin", "deep", "b.txt"), "b");
    writeFileSync(join(directory, "twin", "a.txt"), "a");
    assert.equal(contentHash("twin"), contentHash("conf"));
  }));

for (const path of [
  "../secret",
  "conf/../../secret",
  "/etc/hostname",
  "absent",
  "conf/a.txt/below",
]) {
  test(`there is nothing at ${path}`, () =>
    bench((_directory, { readText, contentHash, locate }) => {
      assert.equal(readText(path), undefined);
      assert.equal(contentHash(path), undefined);
      assert.equal(locate(path), undefined);
    }));
}

test("a link that someone made on the device leads nowhere", () =>
  bench((directory, { readText, contentHash }) => {
    symlinkSync("../secret", join(directory, "file"));
    symlinkSync("/etc", join(directory, "directory"));
    for (const path of ["file", "directory", "directory/hostname"]) {
      assert.equal(readText(path), undefined);
      assert.equal(contentHash(path), undefined);
    }
  }));

test("reads a text, and none from a directory", () =>
  bench((_directory, { readText }) => {
    assert.equal(readText("conf/a.txt"), "a");
    assert.equal(readText("conf"), undefined);
  }));
