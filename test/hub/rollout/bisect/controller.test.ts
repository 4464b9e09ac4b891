// The search for the first bad commit on real Git and the real store, over restarts, orders and new commits.
import assert from "node:assert/strict";
import { DeviceId } from "#shared/ids.ts";
import { begun, type Robot, robots, running, settle, version } from "#test/hub/rollout/bench.ts";
import { suite } from "#test/suite.ts";
import { withHub } from "#test/support/hub.ts";
import { by, halted, outcome, search, steps } from "./story.ts";

const test = suite("hub/rollout/bisect", { limitMs: 240_000 });

for (const bad of [2, 5, 6, 9]) {
  test(`finds version ${bad} as the first bad one of eight, in three tests, and puts the canaries back`, () =>
    withHub(async (bench) => {
      const story = await halted(bench, bad);
      const { hub, commits, digests } = story;
      await hub.bisects.begin(1, by);
      await search(story);
      const name = `${commits[bad - 1]?.slice(0, 8)} "version ${bad}" by Ada`;
      assert.deepEqual(await outcome(hub), ["Found", `the first bad commit is ${name}`]);
      assert.equal(await running(hub, digests), "1".repeat(20));
      const reasons = (await hub.events()).map(({ reason }) => reason);
      assert.equal(reasons.filter((reason) => reason === "BisectTests").length, 3);
      // Only canaries ever had a commit in between: devices on which the release had failed.
      const inBetween = hub.broker.published.filter(({ apps }) =>
        digests.slice(1, 8).includes(apps[0]?.release.digest ?? ""),
      );
      const tried = new Set(inBetween.map(({ device }) => device));
      assert.ok(tried.size <= 3);
      for (const { id, model } of story.all) if (tried.has(id)) assert.match(model, /3$/);
    }));
}

test("where a cohort was left out of what was promoted, the search begins with what the cohort has", () =>
  withHub(async (bench) => {
    const all = robots(24, 4);
    const policy = { steps: [{ percent: 60, healthyShare: 0.9 }], haltScope: "cohort" };
    const { hub, digests } = await begun(bench, policy, all);
    const fails = (robot: Robot, digest: string): boolean =>
      robot.model.endsWith("3") && digest !== digests[0];
    for (const number of [2, 3]) {
      bench.repository.commit(version(number), `version ${number}`);
      await hub.sync();
      await settle(hub, all, fails);
      const row = await hub.store.rollout(number - 1);
      assert.deepEqual([row?.head.state, row?.head.cohorts.length], ["Promoted", 1]);
    }
    await hub.rollouts.order(2, { name: "undo", ...by });
    await settle(hub, all, fails);
    const { bisect } = await hub.bisects.begin(2, by);
    assert.deepEqual(
      bisect.commits.map(({ subject, verdict }) => `${subject} ${verdict}`).slice(1),
      ["version 2 untested", "version 3 bad"],
    );
    await search({ hub, all, fails });
    const row = await hub.store.bisectOf(2);
    assert.equal(row?.bisect.state, "Found");
    assert.match(row.bisect.outcome ?? "", /the first bad commit is .* "version 2"/);
  }));

test("each test asks the canaries to forget their failures, under the same number as the release", () =>
  withHub(async (bench) => {
    const story = await halted(bench, 2);
    const { hub, digests } = story;
    const { bisect } = await hub.bisects.begin(1, by);
    await search(story);
    const canary = bisect.canaries[0]?.device ?? "";
    const told = hub.broker.published.filter(({ device }) => device === canary);
    const tests = told.filter(({ apps }) =>
      digests.slice(1, 8).includes(apps[0]?.release.digest ?? ""),
    );
    assert.deepEqual(
      tests.map(({ retry }) => retry),
      [1, 2, 3],
    );
  }));

test("a hub that is started anew goes on with the same test", () =>
  withHub(async (bench) => {
    const story = await halted(bench, 4);
    await story.hub.bisects.begin(1, by);
    const before = await story.hub.store.bisectOf(1);
    await story.hub.stop();
    const hub = await bench.start();
    const canary = before?.bisect.canaries[0]?.device ?? "";
    const testing = before?.bisect.commits[before.bisect.testing ?? -1]?.commit;
    assert.equal(hub.broker.last(canary)?.apps[0]?.release.commit, testing);
    await search({ ...story, hub });
    assert.match((await outcome(hub)).join(" "), /Found .* "version 4"/);
  }));

test("commits that the hub refused are skipped, and named when it may be one of them", () =>
  withHub(async (bench) => {
    const all = robots(6, 2);
    const { hub, digests } = await begun(bench, { steps }, all);
    const broken = { "roles/robot/compose.yaml": "services: [" };
    bench.repository.commit(broken, "a slip");
    bench.repository.commit(version(3), "version 3");
    await hub.sync();
    const fails = (robot: Robot, digest: string): boolean =>
      robot.model.endsWith("3") && digest !== digests[0];
    await settle(hub, all, fails);
    const { bisect } = await hub.bisects.begin(1, by);
    assert.equal(bisect.state, "Found");
    assert.match(
      bisect.outcome ?? "",
      /"version 3" by Ada, unless it is one of 1 before .*"a slip"/,
    );
    assert.match(bisect.commits[1]?.why ?? "", /compose\.yaml/);
  }));

test("on devices that run the release well the search ends and says so", () =>
  withHub(async (bench) => {
    const story = await halted(bench, 5);
    const well = story.all.find(({ model }) => model.endsWith("5"))?.id ?? DeviceId.parse("none");
    await story.hub.bisects.begin(1, { ...by, devices: [well] });
    await search(story);
    const [state, words] = await outcome(story.hub);
    assert.equal(state, "Inconclusive");
    assert.match(words ?? "", /the canaries run the release well/);
    assert.equal(await running(story.hub, story.digests), "1".repeat(20));
  }));

test("an order that lets the rollout go on ends the search; so does cancelling it", () =>
  withHub(async (bench) => {
    const { hub } = await halted(bench, 5, { count: 6 });
    await hub.bisects.begin(1, by);
    await assert.rejects(hub.bisects.begin(1, by), { code: "state_conflict" });
    await hub.bisects.cancel(1, by);
    assert.deepEqual(await outcome(hub), ["Cancelled", "ada cancelled it: which commit?"]);
    await assert.rejects(hub.bisects.cancel(1, by), { code: "state_conflict" });
    await hub.bisects.begin(1, by);
    await hub.rollouts.order(1, { name: "promote", ...by });
    await hub.bisects.settle();
    assert.deepEqual(await outcome(hub), ["Cancelled", "the rollout is Progressing now"]);
  }));

test("a halted fleet begins no test until the halt is lifted", () =>
  withHub(async (bench) => {
    const story = await halted(bench, 5, { count: 6 });
    const { hub } = story;
    await hub.rollouts.haltFleet({ isHalted: true, ...by });
    const { bisect } = await hub.bisects.begin(1, by);
    assert.equal(bisect.testing, null);
    assert.equal(hub.bisects.waitsFor(1), "the fleet is halted");
    await hub.rollouts.haltFleet({ isHalted: false, ...by });
    await hub.bisects.settle();
    await search(story);
    assert.equal((await outcome(hub))[0], "Found");
  }));

test("refuses what cannot be searched, and says why", () =>
  withHub(async (bench) => {
    const all = robots(6, 2);
    const { hub } = await begun(bench, { steps }, all);
    await assert.rejects(hub.bisects.begin(1, by), { code: "not_found" });
    bench.repository.commit(version(2), "version 2");
    await hub.sync();
    await assert.rejects(hub.bisects.begin(1, by), {
      code: "state_conflict",
      message: /is Progressing/,
    });
    await settle(hub, all, ({ model }, digest) => model.endsWith("3") && digest.length > 0);
    await assert.rejects(hub.bisects.cancel(1, by), { code: "not_found" });
    const devices = [DeviceId.parse("stranger")];
    await assert.rejects(hub.bisects.begin(1, { ...by, devices }), { code: "request_invalid" });
  }));
