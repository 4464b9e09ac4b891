import * as assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  makeDirectory,
  removeTree,
  replaceLink,
  sweepTemporaries,
  temporaryName,
  writeFileAtomic,
} from "#shared/files.ts";
import { scratch } from "#test/edge/release/fixture.ts";
import { suite } from "#test/suite.ts";

const test = suite("durable files");

test("replaces a file as a whole, with the mode that was asked for", async () => {
  using root = scratch();
  const path = join(root.path, "secret");
  await writeFileAtomic(path, "one", 0o600);
  await writeFileAtomic(path, "two", 0o600);
  assert.equal(readFileSync(path, "utf8"), "two");
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(root.path), ["secret"]);
});

test("a failed write leaves the old content and nothing beside it", async () => {
  using root = scratch();
  const path = join(root.path, "taken");
  mkdirSync(join(path, "by a directory"), { recursive: true });
  await assert.rejects(writeFileAtomic(path, "text"), { code: "EISDIR" });
  assert.deepEqual(readdirSync(root.path), ["taken"]);
});

test("a link changes its target without ever being absent", async () => {
  using root = scratch();
  const link = join(root.path, "current");
  await replaceLink(link, "one");
  await replaceLink(link, "two");
  assert.equal(readlinkSync(link), "two");
  assert.deepEqual(readdirSync(root.path), ["current"]);
});

test("makes a directory with its parents, and again", async () => {
  using root = scratch();
  const path = join(root.path, "a", "b", "c");
  await makeDirectory(path);
  await makeDirectory(path);
  assert.equal(statSync(path).isDirectory(), true);
});

test("removes a tree, and one that is gone", async () => {
  using root = scratch();
  mkdirSync(join(root.path, "tree", "below"), { recursive: true });
  await removeTree(join(root.path, "tree"));
  await removeTree(join(root.path, "tree"));
  assert.deepEqual(readdirSync(root.path), []);
});

test("sweeps up temporary names only", async () => {
  using root = scratch();
  writeFileSync(join(root.path, "kept"), "");
  mkdirSync(join(temporaryName(join(root.path, "half")), "below"), { recursive: true });
  await sweepTemporaries(root.path);
  assert.deepEqual(readdirSync(root.path), ["kept"]);
});

test("what another user wrote into a tree does not keep the tree under its name", async () => {
  using root = scratch();
  const locked = join(root.path, "tree", "locked");
  mkdirSync(join(locked, "below"), { recursive: true });
  chmodSync(locked, 0o555);
  await asNobody(root.path, () => removeTree(join(root.path, "tree")));
  const [left, ...more] = readdirSync(root.path);
  assert.match(left ?? "", /^tree\.tmp-/);
  assert.deepEqual(more, []);
  chmodSync(join(root.path, left ?? "", "locked"), 0o755);
});

/** Root may remove everything, so it steps down for the call. */
async function asNobody(directory: string, call: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return await call();
  const nobody = 65_534;
  chownSync(directory, nobody, nobody);
  chownSync(join(directory, "tree"), nobody, nobody);
  process.seteuid?.(nobody);
  try {
    await call();
  } finally {
    process.seteuid?.(0);
  }
}
