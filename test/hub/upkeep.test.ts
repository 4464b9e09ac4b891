// What the hourly sweep deletes and, more important, what it never deletes; on real Git, store and files.
import assert from "node:assert/strict";
import { createUpkeep, type Upkeep } from "#hub/upkeep.ts";
import type { Clock } from "#shared/clock.ts";
import { systemClock } from "#shared/clock.ts";
import { batchOf, id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { type RunningHub, withHub } from "#test/support/hub.ts";
import { robotCompose } from "#test/support/sites.ts";
import { appOf, started } from "#test/support/three_sites.ts";

const test = suite("hub/upkeep");
const dayMs = 86_400_000;

/** A sweep as it would be so many days from now. */
function upkeepIn(hub: RunningHub, days: number, clock: Partial<Clock> = {}): Upkeep {
  return createUpkeep({
    ...hub,
    branches: async () => [...(await hub.mirror.heads()).keys()],
    clock: { ...systemClock, now: () => Date.now() + days * dayMs, ...clock },
    keepDays: 90,
    keepUpdatesDays: 365,
    releasesPerBranch: 1,
    onSwept: () => undefined,
    onFailed: (error) => assert.fail(String(error)),
  });
}

const version = (n: number) => ({
  "roles/robot/compose.yaml": robotCompose.replace(":1", `:${n}`),
});

test("keeps the bundles that devices are to have, and deletes those that nobody can ask for", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const first = appOf(hub, "pi-rome")?.release.digest;
    bench.repository.commit(version(2));
    await hub.sync();
    const second = appOf(hub, "pi-rome")?.release.digest;
    assert.ok(first !== undefined && second !== undefined && first !== second);
    assert.equal((await upkeepIn(hub, 89).sweep()).releases, 0);
    assert.notEqual(await hub.bundles.open(first), null);
    const swept = await upkeepIn(hub, 91).sweep();
    assert.deepEqual([swept.releases, swept.bundles], [1, 1]);
    assert.equal(await hub.bundles.open(first), null);
    assert.equal(await hub.store.release(first), null);
    assert.notEqual(await hub.bundles.open(second), null);
    assert.notEqual(await hub.store.release(second), null);
  }));

test("a release that a device is still to have stays, whatever the branches say", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const held = appOf(hub, "pi-rome")?.release.digest;
    assert.ok(held !== undefined);
    bench.repository.commit(version(2));
    await hub.sync();
    const sweeping = createUpkeep({
      ...hub,
      desired: { inUse: () => [held] },
      branches: async () => [],
      clock: { ...systemClock, now: () => Date.now() + 1000 * dayMs },
      keepDays: 90,
      keepUpdatesDays: 365,
      releasesPerBranch: 1,
      onSwept: () => undefined,
      onFailed: () => undefined,
    });
    assert.equal((await sweeping.sweep()).bundles, 0);
    assert.notEqual(await hub.bundles.open(held), null);
  }));

test("a deleted release comes back with the commit that reverts to it", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const first = appOf(hub, "pi-rome")?.release.digest;
    bench.repository.commit(version(2));
    await hub.sync();
    await upkeepIn(hub, 91).sweep();
    bench.repository.git("revert", "--no-edit", "HEAD");
    await hub.sync();
    assert.equal(appOf(hub, "pi-rome")?.release.digest, first);
    assert.ok(first !== undefined && (await hub.bundles.open(first)) !== null);
    assert.notEqual(await hub.store.release(first), null);
  }));

test("forgets a branch that is gone, but none while no fetch tells which are there", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const gone = { branch: "gone", head: "a", accepted: "a", refusal: null, checkedAt: 1 };
    await hub.store.saveBranch(gone);
    const blind = createUpkeep({
      ...hub,
      branches: async () => [],
      clock: systemClock,
      keepDays: 90,
      keepUpdatesDays: 365,
      onSwept: () => undefined,
      onFailed: () => undefined,
    });
    assert.equal((await blind.sweep()).branches, 0);
    assert.equal((await upkeepIn(hub, 0).sweep()).branches, 1);
    assert.deepEqual(
      (await hub.store.branches()).map(({ branch }) => branch),
      ["main"],
    );
  }));

test("deletes a long history in bounded steps and goes on acknowledging", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const device = id("pi-rome");
    const seqs = Array.from({ length: 1000 }, (_, n) => n + 1);
    await hub.store.appendJournal([{ device, batch: batchOf("e", seqs) }], Date.now());
    const swept = await upkeepIn(hub, 91).sweep();
    assert.equal(swept.journal, 1000);
    const next = batchOf("e", [1000, 1001]);
    const [result] = await hub.store.appendJournal([{ device, batch: next }], Date.now());
    assert.deepEqual([result?.seq, result?.added.length], [1001, 1]);
  }));

test("sweeps by itself after the start and each hour, and stops at once", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const delays: number[] = [];
    let asleep = Promise.withResolvers<void>();
    let wake = Promise.withResolvers<void>();
    const upkeep = upkeepIn(hub, 0, {
      sleep: async (delayMs, signal) => {
        delays.push(delayMs);
        asleep.resolve();
        const stopped = new Promise<void>((resolve) => {
          signal?.addEventListener("abort", () => resolve());
        });
        await Promise.race([wake.promise, stopped]);
      },
    });
    upkeep.start();
    await asleep.promise;
    asleep = Promise.withResolvers();
    const first = wake;
    wake = Promise.withResolvers();
    first.resolve();
    await asleep.promise;
    await upkeep.stop();
    assert.deepEqual(delays, [60_000, 3_600_000]);
  }));
