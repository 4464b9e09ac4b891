// The mirror against real repositories: force-push, outage, shallow clones and foreign owners.
import assert from "node:assert/strict";
import { chownSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMirror } from "#hub/git/mirror.ts";
import { parseRemote } from "#hub/git/remote.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { contentOf, unreachable, withMirror } from "./bench.ts";

const test = suite("hub/git/mirror");

test("clones on first use and reads files with their modes", () =>
  withMirror(async ({ repository, mirror }) => {
    const commit = repository.commit({
      "a.txt": "one\n",
      "dir/b c.sh": { text: "#!/bin/sh\n", executable: true },
      "dir/ü": "\0binary\n",
    });
    assert.equal((await mirror.heads()).size, 0);
    await mirror.fetch();
    assert.deepEqual([...(await mirror.heads())], [["main", commit]]);
    assert.deepEqual(await contentOf(mirror, commit), {
      "a.txt": "file one\n",
      "dir/b c.sh": "executable #!/bin/sh\n",
      "dir/ü": "file \0binary\n",
    });
  }));

test("reads a large object whole", () =>
  withMirror(async ({ repository, mirror }) => {
    const text = "0123456789abcdef".repeat(300_000);
    const commit = repository.commit({ "large.bin": text });
    await mirror.fetch();
    assert.equal((await contentOf(mirror, commit))["large.bin"], `file ${text}`);
  }));

test("tells author, subject and time of a commit", () =>
  withMirror(async ({ repository, mirror }) => {
    const commit = repository.commit({ a: "1" }, "feat: ten robots in Berlin");
    await mirror.fetch();
    const info = await mirror.commitInfo(commit);
    assert.equal(info.author, "Ada");
    assert.equal(info.subject, "feat: ten robots in Berlin");
    assert.ok(Math.abs(info.committedAt - Date.now()) < 60_000);
  }));

test("names symlinks and submodules as what they are", () =>
  withMirror(async ({ repository, mirror }) => {
    const first = repository.commit({ a: "1" });
    repository.link("link", "/etc/passwd");
    repository.git("update-index", "--add", "--cacheinfo", `160000,${first},module`);
    repository.git("add", "link");
    repository.git("commit", "--quiet", "--message=links");
    await mirror.fetch();
    const entries = await mirror.entries(repository.git("rev-parse", "HEAD"), ["."]);
    assert.deepEqual(
      entries.map(({ path, kind }) => `${path} ${kind}`),
      ["a file", "link symlink", "module submodule"],
    );
  }));

test("follows a force-push, forgets deleted branches and keeps what it was told to keep", () =>
  withMirror(async ({ repository, mirror, directory }) => {
    repository.commit({ a: "1" });
    repository.git("branch", "old/one");
    const lost = repository.commit({ a: "2" });
    await mirror.fetch();
    await mirror.keep("accepted/main", lost);
    repository.git("reset", "--quiet", "--hard", "HEAD~1");
    repository.git("branch", "--delete", "--force", "old/one");
    repository.git("branch", "old");
    const forced = repository.commit({ a: "3" });
    repository.git("reflog", "expire", "--expire=now", "--all");
    repository.git("gc", "--quiet", "--prune=now");
    await mirror.fetch();
    assert.deepEqual([...(await mirror.heads()).keys()], ["main", "old"]);
    assert.equal((await mirror.heads()).get("main"), forced);
    repository.git("--git-dir", directory, "gc", "--quiet", "--prune=now");
    assert.deepEqual(await contentOf(mirror, lost), { a: "file 2" });
    assert.equal(await mirror.has(lost), true);
    assert.equal(await mirror.has("0".repeat(40)), false);
  }));

test("keeps the last good state while the repository is away", () =>
  withMirror(async ({ repository, mirror }) => {
    const commit = repository.commit({ a: "1" });
    await mirror.fetch();
    renameSync(repository.path, `${repository.path}.away`);
    try {
      await assert.rejects(mirror.fetch(), unreachable);
      assert.deepEqual([...(await mirror.heads())], [["main", commit]]);
      assert.deepEqual(await contentOf(mirror, commit), { a: "file 1" });
    } finally {
      renameSync(`${repository.path}.away`, repository.path);
    }
    await mirror.fetch();
  }));

test("leaves nothing behind a clone that failed, and clones at the next try", () =>
  withMirror(async ({ repository, mirror, directory }) => {
    renameSync(repository.path, `${repository.path}.away`);
    await assert.rejects(mirror.fetch(), unreachable);
    assert.equal((await mirror.heads()).size, 0);
    renameSync(`${repository.path}.away`, repository.path);
    repository.commit({ a: "1" });
    await mirror.fetch();
    assert.equal((await mirror.heads()).size, 1);
    assert.deepEqual(readdirSync(join(directory, "..")), ["mirror.git"]);
  }));

test("reads a repository that is itself a shallow clone, and follows it", () =>
  withMirror(async ({ repository, directory }) => {
    repository.commit({ a: "1" });
    repository.commit({ a: "2" });
    const path = join(directory, "..", "shallow");
    repository.git("clone", "--quiet", "--depth=1", `file://${repository.path}`, path);
    const mirror = createMirror({ remote: parseRemote(path), directory });
    await mirror.fetch();
    assert.deepEqual(await contentOf(mirror, repository.git("rev-parse", "HEAD")), {
      a: "file 2",
    });
    const next = repository.commit({ a: "3" });
    repository.git("-C", path, "fetch", "--quiet", "--depth=1", "origin", "main");
    repository.git("-C", path, "reset", "--quiet", "--hard", "FETCH_HEAD");
    await mirror.fetch();
    assert.deepEqual([...(await mirror.heads())], [["main", next]]);
  }));

test("ends a fetch at once when told to stop", () =>
  withMirror(async ({ repository, mirror }) => {
    repository.commit({ a: "1" });
    await assert.rejects(mirror.fetch(AbortSignal.abort()), { code: "interrupted" });
  }));

test("knows the branch that the remote's HEAD names, and its new name", () =>
  withMirror(async ({ repository, mirror }) => {
    assert.equal(await mirror.defaultBranch(), undefined);
    await mirror.fetch();
    repository.commit({ a: "1" });
    await mirror.fetch();
    assert.equal(await mirror.defaultBranch(), "main");
    repository.git("branch", "--move", "main", "trunk");
    await mirror.fetch();
    assert.equal(await mirror.defaultBranch(), "trunk");
  }));

test("survives an empty repository", () =>
  withMirror(async ({ mirror }) => {
    await mirror.fetch();
    assert.equal((await mirror.heads()).size, 0);
  }));

test("says plainly when the repository belongs to another user", () =>
  withMirror(async ({ repository, mirror }) => {
    repository.commit({ a: "1" });
    // Only root can give a directory away.
    if (process.getuid?.() !== 0) return;
    chownSync(repository.path, 65_534, 65_534);
    chownSync(join(repository.path, ".git"), 65_534, 65_534);
    await assert.rejects(mirror.fetch(), (error: unknown) => {
      assert.ok(error instanceof FleetError);
      assert.equal(error.code, "repository_unreachable");
      assert.match(error.message, /belongs to another user/);
      assert.match(error.hint ?? "", /owner/);
      return true;
    });
  }));

test("never shows a password that stands in the address", async () => {
  const remote = parseRemote("https://robot:s3cret@git.invalid/fleet.git");
  assert.equal(remote.url, "https://git.invalid/fleet.git");
  assert.deepEqual(remote.credentials, { username: "robot", password: "s3cret" });
  const scratch = mkdtempSync(join(tmpdir(), "fleet-mirror-"));
  try {
    const mirror = createMirror({ remote, directory: join(scratch, "mirror.git") });
    await assert.rejects(mirror.fetch(), (error: unknown) => {
      assert.ok(unreachable(error));
      assert.doesNotMatch(JSON.stringify(error) + String(error), /s3cret/);
      return true;
    });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
