import * as assert from "node:assert/strict";
import {
  contentHashIn,
  type ManifestFile,
  manifestOf,
  manifestText,
  parseManifest,
} from "#edge/release/manifest.ts";
import { sha256 } from "#shared/canonical.ts";
import { Digest } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("manifest of a release");
const release = Digest.parse("1".repeat(64));
const other = Digest.parse("2".repeat(64));

function file(path: string, text: string, mode = 0o644): ManifestFile {
  return { path, mode, size: text.length, sha256: sha256(text) };
}

const files = [file("conf/a.txt", "a"), file("conf/deep/b.txt", "b"), file("run.sh", "r", 0o755)];
const manifest = manifestOf(release, { files, directories: [] });
const conf = contentHashIn(manifest, "conf");

test("knows the directories that only paths of files name", () => {
  assert.deepEqual(manifest.directories, ["conf", "conf/deep"]);
});

test("a file's hash is its sha256", () => {
  assert.equal(contentHashIn(manifest, "./conf/../run.sh"), sha256("r"));
});

for (const [what, changed, directories] of [
  ["a content", [file("conf/a.txt", "A"), files[1]], []],
  ["a name", [file("conf/c.txt", "a"), files[1]], []],
  ["a mode", [file("conf/a.txt", "a", 0o755), files[1]], []],
  ["a place", [files[0], file("conf/b.txt", "b")], ["conf/deep"]],
  ["an empty directory", [files[0], files[1]], ["conf/empty"]],
  ["a missing file", [files[1]], []],
] as [string, ManifestFile[], string[]][]) {
  test(`a directory's hash changes with ${what}`, () => {
    assert.match(conf ?? "", /^[0-9a-f]{64}$/);
    assert.notEqual(
      contentHashIn(manifestOf(release, { files: changed, directories }), "conf"),
      conf,
    );
  });
}

test("equal directories have equal hashes wherever they lie and in whatever order they are given", () => {
  const twin = [file("twin/deep/b.txt", "b"), file("twin/a.txt", "a"), file("twin.txt", "x")];
  assert.equal(contentHashIn(manifestOf(release, { files: twin, directories: [] }), "twin"), conf);
});

test("the whole release has a hash, and a directory beside of a similar name is not in it", () => {
  const more = [...files, file("conf-2/x", "x")];
  const larger = manifestOf(release, { files: more, directories: [] });
  assert.equal(contentHashIn(larger, "conf"), conf);
  assert.notEqual(contentHashIn(larger, "."), contentHashIn(manifest, "."));
});

test("is read back as it was written", () => {
  assert.deepEqual(parseManifest(manifestText(manifest), release), manifest);
});

test("one that was changed anywhere, or is of another release, is none", () => {
  const text = manifestText(manifest);
  assert.equal(parseManifest(text, other), undefined);
  for (let at = 0; at < text.length - 1; at += 7) {
    const letter = text[at] === "1" ? "2" : "1";
    const rotten = text.slice(0, at) + letter + text.slice(at + 1);
    assert.equal(parseManifest(rotten, release), undefined, `a change at ${at}: ${rotten}`);
  }
  assert.equal(parseManifest(text.slice(0, 100), release), undefined);
});
