// Bundles: the same content has the same name, and the system's own tar reads them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { type Bundle, bundle } from "#hub/release/bundle.ts";
import { createBundleStore } from "#hub/release/bundles.ts";
import type { ArchiveFile } from "#hub/release/tar.ts";
import { sha256 } from "#shared/canonical.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/release/bundle");

async function inScratch(body: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-bundle-"));
  try {
    await body(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function file(path: string, text = path, executable = false): ArchiveFile {
  return { path, executable, bytes: Buffer.from(text) };
}

const longName = `${"n".repeat(99)}x/${"m".repeat(120)}.txt`;
const samples: ArchiveFile[] = [
  file("compose.yaml", "services: {}\n"),
  file("hooks/check.sh", "#!/bin/sh\nexit 0\n", true),
  file("empty", ""),
  file("exactly-one-block", "b".repeat(512)),
  file("large", "0123456789".repeat(50_000)),
  file(`${"d".repeat(90)}/${"e".repeat(90)}.txt`),
  file(longName),
  file("Grüße/世界.txt"),
  file("a b/'quoted'.txt"),
];

function unpacked({ bytes }: Bundle, directory: string): Record<string, string> {
  const archive = join(directory, "bundle.tar");
  const target = mkdtempSync(join(directory, "out-"));
  writeFileSync(archive, bytes);
  execFileSync("tar", ["--extract", "--file", archive, "--directory", target]);
  const names = readdirSync(target, { recursive: true, encoding: "utf8" });
  const files = names.filter((name) => statSync(join(target, name)).isFile());
  return Object.fromEntries(
    files.map((name) => {
      const path = join(target, name);
      const mode = (statSync(path).mode & 0o100) === 0 ? "plain" : "executable";
      return [name, `${mode} ${sha256(readFileSync(path))}`];
    }),
  );
}

test("unpacks with the system's tar to the same names, modes and contents", () =>
  inScratch((directory) => {
    const expected = samples.map(({ path, executable, bytes }) => [
      path,
      `${executable ? "executable" : "plain"} ${sha256(bytes)}`,
    ]);
    assert.deepEqual(unpacked(bundle(samples), directory), Object.fromEntries(expected));
  }));

test("holds no time, owner or order of its own", () =>
  inScratch((directory) => {
    const archive = join(directory, "bundle.tar");
    writeFileSync(archive, bundle([file("b.sh", "b", true), file("a/z"), file("a.txt")]).bytes);
    const listing = execFileSync(
      "tar",
      ["--list", "--verbose", "--numeric-owner", "--utc", "--full-time", "--file", archive],
      { encoding: "utf8" },
    );
    assert.deepEqual(
      listing
        .trim()
        .split("\n")
        .map((line) => line.replace(/ +/g, " ")),
      [
        "-rw-r--r-- 0/0 5 1970-01-01 00:00:00 a.txt",
        "-rw-r--r-- 0/0 3 1970-01-01 00:00:00 a/z",
        "-rwxr-xr-x 0/0 1 1970-01-01 00:00:00 b.sh",
      ],
    );
  }));

test("keeps its digest for ever: a fixed content has a fixed name", () => {
  const { digest } = bundle([
    file("compose.yaml", "services: {}\n"),
    file("run.sh", "true\n", true),
  ]);
  assert.equal(digest, "503c217e7d5aa04648cdad0b6784369be0e414d05114d46ef7cda7386fb92814");
});

test("gives one digest to the same files in any order, and another to any change", () => {
  const name = fc.stringMatching(/^[a-z]{1,8}(\/[a-zé]{1,60}){0,4}$/);
  const content = fc.record({
    path: name,
    executable: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 1200 }),
  });
  const files = fc.uniqueArray(content, {
    selector: ({ path }) => path,
    minLength: 1,
    maxLength: 12,
  });
  const withShuffle = files.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  );
  fc.assert(
    fc.property(withShuffle, ([all, shuffled]) => {
      const { digest } = bundle(all);
      assert.equal(bundle(shuffled).digest, digest);
      const [first, ...rest] = all;
      assert.ok(first !== undefined);
      const flipped = { ...first, executable: !first.executable };
      const longer = { ...first, bytes: Buffer.concat([first.bytes, Buffer.from("x")]) };
      const renamed = { ...first, path: `${first.path}-` };
      for (const other of [flipped, longer, renamed]) {
        assert.notEqual(bundle([other, ...rest]).digest, digest);
      }
    }),
    { numRuns: 60 },
  );
});

test("writes a bundle once and leaves the one that is there alone", () =>
  inScratch(async (directory) => {
    const store = createBundleStore({ directory: join(directory, "bundles") });
    const made = bundle(samples);
    assert.equal(await store.open(made.digest), null);
    await Promise.all([store.put(made), store.put(made)]);
    const found = await store.open(made.digest);
    assert.equal(found?.sizeBytes, made.bytes.length);
    assert.deepEqual(readdirSync(join(directory, "bundles")), [`${made.digest}.tar`]);
    const before = statSync(found?.path ?? "").ino;
    await store.put(made);
    assert.equal(statSync(found?.path ?? "").ino, before);
    assert.equal(sha256(readFileSync(found?.path ?? "")), made.digest);
  }));

test("replaces a bundle that a power cut left short", () =>
  inScratch(async (directory) => {
    const store = createBundleStore({ directory });
    const made = bundle(samples);
    writeFileSync(join(directory, `${made.digest}.tar`), made.bytes.subarray(0, 1000));
    await store.put(made);
    assert.equal((await store.open(made.digest))?.sizeBytes, made.bytes.length);
  }));

test("replaces a bundle of the right size in which the disk has lost a block", () =>
  inScratch(async (directory) => {
    const store = createBundleStore({ directory });
    const made = bundle(samples);
    const path = join(directory, `${made.digest}.tar`);
    writeFileSync(path, Buffer.from(made.bytes).fill(0, 512, 1024));
    await store.put(made);
    assert.equal(sha256(readFileSync(path)), made.digest);
  }));
