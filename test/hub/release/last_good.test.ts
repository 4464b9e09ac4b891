// Bad commits, force-pushes, outages and lost mirrors: the last good commit goes on being served.
import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "#test/suite.ts";
import { withHub } from "#test/support/hub.ts";
import { appOf, counts, generations, reasons, started } from "#test/support/three_sites.ts";

const test = suite("hub/release/last-good");

test("keeps the last good commit over a bad one and over a restart of the hub", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const good = bench.repository.git("rev-parse", "HEAD");
    const bad = bench.repository.commit(
      { "sites/paris.yaml": "apiVersion: metrica.fleet/v1\nkind: Site\nvalues: {}\n" },
      "forget Paris",
    );
    await hub.sync();
    await hub.sync();
    assert.equal(hub.broker.published.length, 3);
    const [row] = await hub.store.branches();
    assert.equal(row?.head, bad);
    assert.equal(row?.accepted, good);
    assert.match(
      row?.refusal ?? "",
      /^roles\/robot\/role\.yaml:3: requires\.0: ROBOT_COUNT is req/,
    );
    assert.match(row?.refusal ?? "", /site paris/);
    await hub.stop();

    const again = await bench.start();
    assert.deepEqual(counts(again), ["3", "5", "10"]);
    await again.sync();
    assert.deepEqual(generations(again), [1, 1, 1]);
    assert.equal(again.releases.snapshot()?.branches["main"]?.commit, good);
    await again.enrol("pi-late", { site: "rome", role: "robot" });
    assert.equal(appOf(again, "pi-late")?.values["ROBOT_COUNT"], "10");
    assert.deepEqual(await reasons(again), ["CommitAccepted", "CommitRefused"]);

    bench.repository.git("revert", "--no-edit", "HEAD");
    await again.sync();
    assert.equal((await again.store.branches())[0]?.refusal, null);
    assert.deepEqual(generations(again), [1, 1, 1]);
  }));

test("finds the last good commit again after the mirror was lost", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const good = bench.repository.git("rev-parse", "HEAD");
    bench.repository.commit({ "fleet.yaml": "deployments: [\n" }, "bad");
    await hub.sync();
    await hub.stop();
    rmSync(join(bench.directory, "mirror.git"), { recursive: true });
    const again = await bench.start();
    assert.equal(again.releases.snapshot(), undefined);
    await again.sync();
    assert.equal(again.releases.snapshot()?.branches["main"]?.commit, good);
    assert.deepEqual(generations(again), [1, 1, 1]);
    assert.deepEqual(await reasons(again), ["CommitAccepted", "CommitRefused"]);
  }));

test("says so when the last good commit is gone for good, and takes nothing from the devices", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    await hub.stop();
    rmSync(join(bench.directory, "mirror.git"), { recursive: true });
    const bad = bench.repository.git("commit-tree", "HEAD^{tree}:sites", "-m", "bad root");
    bench.repository.git("reset", "--quiet", "--hard", bad);
    bench.repository.git("reflog", "expire", "--expire=now", "--all");
    bench.repository.git("gc", "--quiet", "--prune=now");
    const again = await bench.start();
    await again.sync();
    await again.desired.reconcile();
    assert.deepEqual((await reasons(again)).slice(1), ["AcceptedCommitLost", "CommitRefused"]);
    assert.deepEqual(counts(again), ["3", "5", "10"]);
  }));

test("keeps the last good commit when a force-push takes it from the remote", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const good = bench.repository.git("rev-parse", "HEAD");
    bench.repository.commit({ "fleet.yaml": "deployments: [\n" });
    bench.repository.git("commit", "--quiet", "--amend", "--message=bad");
    const orphan = bench.repository.git("commit-tree", "HEAD^{tree}", "-m", "bad root");
    bench.repository.git("reset", "--quiet", "--hard", orphan);
    bench.repository.git("reflog", "expire", "--expire=now", "--all");
    bench.repository.git("gc", "--quiet", "--prune=now");
    await hub.sync();
    await hub.stop();
    const again = await bench.start();
    assert.equal(again.releases.snapshot()?.branches["main"]?.commit, good);
    await again.sync();
    assert.deepEqual(counts(again), ["3", "5", "10"]);
  }));

test("says once when the repository is away and once when it is back, and changes nothing meanwhile", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const away = `${bench.repository.path}.away`;
    renameSync(bench.repository.path, away);
    await hub.sync();
    await hub.sync();
    assert.match(hub.watcher.status().problem?.message ?? "", /cannot be fetched/);
    renameSync(away, bench.repository.path);
    await hub.sync();
    await hub.sync();
    assert.deepEqual(await reasons(hub), [
      "CommitAccepted",
      "RepositoryUnreachable",
      "RepositoryReachable",
    ]);
    assert.equal(hub.broker.published.length, 3);
    assert.equal(hub.watcher.status().problem, undefined);
  }));

test("starts from its store while the repository is away", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    await hub.stop();
    const away = `${bench.repository.path}.away`;
    renameSync(bench.repository.path, away);
    try {
      const again = await bench.start();
      await again.sync();
      assert.deepEqual(counts(again), ["3", "5", "10"]);
      await again.enrol("pi-late", { site: "paris", role: "robot" });
      assert.equal(appOf(again, "pi-late")?.values["ROBOT_COUNT"], "5");
    } finally {
      renameSync(away, bench.repository.path);
    }
  }));
