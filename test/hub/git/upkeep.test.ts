// What keeps the mirror whole: leftovers of a killed git, a full disk, damage.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createMirror } from "#hub/git/mirror.ts";
import { parseRemote } from "#hub/git/remote.ts";
import { suite } from "#test/suite.ts";
import { createRepository } from "#test/support/repository.ts";
import { onSmallDisk } from "#test/support/small_disk.ts";
import { contentOf, unreachable, withMirror } from "./bench.ts";

const test = suite("hub/git/upkeep", { limitMs: 90_000 });

test("sets a directory that is no mirror aside and clones again", () =>
  withMirror(async ({ repository, mirror, directory }) => {
    repository.commit({ a: "1" });
    await mirror.fetch();
    rmSync(join(directory, "HEAD"));
    await mirror.fetch();
    assert.equal((await mirror.heads()).size, 1);
    assert.deepEqual(readdirSync(join(directory, "..")), ["mirror.git", "mirror.git.damaged"]);
  }));

test("clones again after an object turned out to be lost", () =>
  withMirror(async ({ repository, mirror, directory }) => {
    const commit = repository.commit({ a: "1" });
    await mirror.fetch();
    const [entry] = await mirror.entries(commit, ["a"]);
    const id = entry?.id ?? "";
    rmSync(join(directory, "objects", id.slice(0, 2), id.slice(2)));
    await assert.rejects(mirror.read([id]), { code: "store_unavailable" });
    await mirror.fetch();
    assert.deepEqual(await contentOf(mirror, commit), { a: "file 1" });
  }));

test("clones again when the mirror's own damage stops a fetch", () =>
  withMirror(async ({ repository, mirror, directory }) => {
    const first = repository.commit({ a: "1" });
    await mirror.fetch();
    const damaged = join(directory, "objects", first.slice(0, 2), first.slice(2));
    rmSync(damaged);
    writeFileSync(damaged, "nonsense");
    const second = repository.commit({ a: "2" });
    await mirror.fetch();
    assert.equal((await mirror.heads()).get("main"), second);
    assert.deepEqual(await contentOf(mirror, second), { a: "file 2" });
  }));

for (const lock of ["refs/heads/main.lock", "packed-refs.lock", "HEAD.lock"]) {
  test(`a ${lock} that a killed fetch left behind stops no other`, () =>
    withMirror(async ({ repository, mirror, directory }) => {
      repository.commit({ a: "1" });
      repository.git("branch", "old");
      await mirror.fetch();
      repository.git("branch", "--delete", "--force", "old");
      const next = repository.commit({ a: "2" });
      writeFileSync(join(directory, lock), "");
      await mirror.fetch();
      assert.deepEqual([...(await mirror.heads())], [["main", next]]);
      assert.deepEqual(readdirSync(join(directory, "..")), ["mirror.git"]);
    }));
}

test.real("mount", "a commit that fits no disk leaves the room for the smaller one after it", () =>
  onSmallDisk(async (_, data) => {
    const repository = createRepository();
    const directory = join(data, "mirror.git");
    const mirror = createMirror({ remote: parseRemote(repository.path), directory });
    try {
      const first = repository.commit({ a: "1" });
      await mirror.fetch();
      repository.commit({ large: randomBytes(16 * 1024 ** 2).toString("latin1") });
      for (let tries = 0; tries < 2; tries += 1) await assert.rejects(mirror.fetch(), unreachable);
      assert.equal((await mirror.heads()).get("main"), first);
      repository.git("reset", "--quiet", "--hard", first);
      const small = repository.commit({ a: "2" });
      await mirror.fetch();
      assert.equal((await mirror.heads()).get("main"), small);
    } finally {
      repository.remove();
    }
  }),
);

test("a new clone has what the old mirror was told to keep", () =>
  withMirror(async ({ repository, mirror }) => {
    repository.commit({ a: "1" });
    const lost = repository.commit({ a: "2" });
    await mirror.fetch();
    await mirror.keep("main", lost);
    repository.git("reset", "--quiet", "--hard", "HEAD~1");
    repository.git("reflog", "expire", "--expire=now", "--all");
    repository.git("gc", "--quiet", "--prune=now");
    mirror.distrust();
    await mirror.fetch();
    assert.deepEqual(await contentOf(mirror, lost), { a: "file 2" });
  }));
