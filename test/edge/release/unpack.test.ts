import * as assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { inspect, invalid, unpack } from "#edge/release/unpack.ts";
import { archive } from "#hub/release/tar.ts";
import type { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { scratch, type TarEntry, tarOf } from "./fixture.ts";

const test = suite("unpacking a bundle");

async function unpackSound(file: string, directory: string, subject: string): Promise<void> {
  const { fault } = await inspect(file);
  if (fault !== undefined) throw invalid(subject, fault);
  await unpack(file, directory, { subject });
}

/** Unpacks in a directory of its own, beside which nothing may appear. */
async function unpacked(
  bundle: Buffer,
  look: (directory: string) => void = () => undefined,
): Promise<void> {
  using root = scratch();
  const directory = join(root.path, "into");
  const file = join(root.path, "bundle.tar");
  mkdirSync(directory);
  writeFileSync(file, bundle);
  try {
    await unpackSound(file, directory, "release 1a2b3c");
    look(directory);
  } finally {
    assert.deepEqual(readdirSync(root.path).sort(), ["bundle.tar", "into"]);
    assert.equal(existsSync("/tmp/fleet-escaped"), false);
  }
}

test("writes files and directories with modes that hang on neither packer nor umask", async () => {
  const before = process.umask(0o077);
  try {
    const bundle = tarOf([
      { path: "compose.yaml", content: "services: {}\n", mode: 0o600 },
      { path: "scripts/", type: "Directory", mode: 0o700 },
      { path: "scripts/check.sh", content: "#!/bin/sh\n", mode: 0o4711 },
      { path: "deep/er/file", content: "x" },
      { path: "empty", content: "" },
    ]);
    await unpacked(bundle, (directory) => {
      const modeOf = (path: string): string =>
        (statSync(join(directory, path)).mode & 0o7777).toString(8);
      assert.equal(readFileSync(join(directory, "compose.yaml"), "utf8"), "services: {}\n");
      assert.equal(modeOf("compose.yaml"), "644");
      assert.equal(modeOf("scripts"), "755");
      assert.equal(modeOf("scripts/check.sh"), "755");
      assert.equal(modeOf("deep/er"), "755");
      assert.equal(statSync(join(directory, "empty")).size, 0);
    });
  } finally {
    process.umask(before);
  }
});

const good: TarEntry = { path: "compose.yaml", content: "services: {}\n" };
const many = Array.from({ length: 20_001 }, (_, index): TarEntry => ({ path: `f${index}` }));

for (const [what, entries, named] of [
  [
    "a path that leads out",
    [{ path: "../fleet-escaped", content: "x" }],
    /"\.\.\/fleet-escaped" leads out/,
  ],
  [
    "a path that leads out from within",
    [{ path: "a/../../b", content: "x" }],
    /"a\/\.\.\/\.\.\/b" leads out/,
  ],
  [
    "an absolute path",
    [{ path: "/tmp/fleet-escaped", content: "x" }],
    /"\/tmp\/fleet-escaped" is an absolute path/,
  ],
  [
    "a symbolic link",
    [{ path: "l", type: "SymbolicLink", linkpath: "/etc" }],
    /"l" is a SymbolicLink/,
  ],
  [
    "a file through a symbolic link",
    [
      { path: "l", type: "SymbolicLink", linkpath: "/tmp" },
      { path: "l/fleet-escaped", content: "x" },
    ],
    /"l" is a SymbolicLink/,
  ],
  ["a hard link", [{ path: "l", type: "Link", linkpath: "compose.yaml" }], /"l" is a Link/],
  [
    "a character device",
    [{ path: "null", type: "CharacterDevice" }],
    /"null" is a CharacterDevice/,
  ],
  ["a block device", [{ path: "sda", type: "BlockDevice" }], /"sda" is a BlockDevice/],
  ["a pipe", [{ path: "pipe", type: "FIFO" }], /"pipe" is a FIFO/],
  [
    "an entry twice",
    [{ path: "compose.yaml", content: "services: 1\n" }],
    /"compose\.yaml" is there twice/,
  ],
  ["a file below a file", [{ path: "compose.yaml/x", content: "x" }], /compose\.yaml/],
  ["too deep a path", [{ path: Array(33).fill("d").join("/") }], /nested over 32 deep/],
  ["too many entries", many, /"f19999" is one entry too many: at most 20000/],
] as [string, TarEntry[], RegExp][]) {
  test(`refuses ${what} and names it`, async () => {
    await assert.rejects(unpacked(tarOf([good, ...entries])), (error: FleetError) => {
      assert.equal(error.code, "bundle_invalid");
      assert.equal(error.retry, "never");
      assert.match(error.message, /release 1a2b3c/);
      assert.match(error.message, named);
      return true;
    });
  });
}

test("writes nothing of a bundle whose last entry is refused", async () => {
  using root = scratch();
  const file = join(root.path, "bundle.tar");
  writeFileSync(file, tarOf([good, { path: "/absolute" }]));
  mkdirSync(join(root.path, "into"));
  await assert.rejects(unpackSound(file, join(root.path, "into"), "release"));
  assert.deepEqual(readdirSync(join(root.path, "into")), []);
});

for (const [what, bundle] of [
  ["a cut archive", tarOf([good, { path: "b", content: "x".repeat(5000) }]).subarray(0, 3000)],
  ["random bytes", Buffer.alloc(4096, "no tar ")],
  ["an empty file", Buffer.alloc(0)],
  [
    "a compressed bomb",
    gzipSync(tarOf([good, { path: "zeros", content: Buffer.alloc(5_000_000) }])),
  ],
] as const) {
  test(`refuses ${what}`, async () => {
    await assert.rejects(unpacked(bundle), { code: "bundle_invalid" });
  });
}

test("unpacks what the hub packs, long and foreign names included", async () => {
  const long = `${"d".repeat(90)}/${"e".repeat(90)}/${"f".repeat(120)}.conf`;
  const files = {
    "compose.yaml": "services: {}\n",
    "räume/hölle 1": "ü",
    [long]: "long",
    empty: "",
  };
  const packed = archive(
    Object.entries(files).map(([path, text]) => ({
      path,
      executable: path === "empty",
      bytes: Buffer.from(text),
    })),
  );
  await unpacked(packed, (directory) => {
    for (const [path, text] of Object.entries(files)) {
      assert.equal(readFileSync(join(directory, path), "utf8"), text);
    }
    assert.equal(statSync(join(directory, "empty")).mode & 0o777, 0o755);
  });
});
