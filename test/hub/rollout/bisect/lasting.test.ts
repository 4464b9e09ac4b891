// What a bisect outlasts: a lost test, a commit that is refused late, a store that fails, pins, others' words.
import assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { AppName, DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { type RunningHub, withHub } from "#test/support/hub.ts";
import { by, halted, outcome, search } from "./story.ts";

const test = suite("hub/rollout/bisect: what it outlasts", { limitMs: 240_000 });
const small = { count: 6, last: 5 };

test("a test whose fleet was lost begins anew: it came back from a device, which keeps no such thing", () =>
  withHub(async (bench) => {
    const story = await halted(bench, 4, small);
    await story.hub.bisects.begin(1, by);
    const row = await story.hub.store.bisectOf(1);
    assert.ok(row !== null && row.bisect.testing !== null);
    await story.hub.store.changeBisect({ ...row, fleet: null, retried: [], events: [], now: 1 });
    await story.hub.stop();
    const hub = await bench.start();
    await search({ ...story, hub });
    assert.match((await outcome(hub)).join(" "), /Found .* "version 4"/);
  }));

test("a commit that is refused after it was read is skipped", () =>
  withHub(async (bench) => {
    const story = await halted(bench, 5, small);
    const { hub, commits } = story;
    const { checked } = hub.releases;
    let asked = 0;
    hub.releases.checked = (branch, commit) => {
      if (commit === commits[2]) asked += 1;
      if (asked < 2) return checked(branch, commit);
      asked = 0;
      return Promise.reject(new FleetError("role_invalid", { message: "the branch has gone on" }));
    };
    const { bisect } = await hub.bisects.begin(1, by);
    assert.equal(bisect.commits[2]?.verdict, "skipped");
    await search(story);
    assert.match((await outcome(hub)).join(" "), /Found .* "version 5"/);
  }));

test("what holds one bisect up is no matter for others, and none keeps canaries that others have ended", () =>
  withHub(async (bench) => {
    const { hub, digests } = await halted(bench, 4, small);
    const { changeBisect } = hub.store;
    hub.store.changeBisect = (change) =>
      change.id === 1
        ? Promise.reject(new FleetError("store_unavailable", { message: "it is busy" }))
        : changeBisect(change);
    const begun = await hub.bisects.begin(1, by);
    await hub.store.addBisect({ ...begun, deployment: AppName.parse("others") }, []);
    await hub.bisects.reload();
    await hub.bisects.settle();
    assert.deepEqual(
      (await hub.store.openBisects()).map(({ deployment }) => deployment),
      ["robots"],
    );
    hub.store.changeBisect = changeBisect;
    await hub.bisects.settle();
    const row = (await hub.store.openBisects())[0];
    const canary = row?.bisect.canaries[0]?.device ?? "";
    assert.ok(row !== undefined && digestAt(hub, canary) !== digests[0]);
    const bisect = { ...row.bisect, state: "Cancelled" as const, testing: null };
    await changeBisect({ ...row, bisect, fleet: null, retried: [], events: [], now: 1 });
    await hub.bisects.reload();
    await hub.desired.reconcile();
    assert.equal(digestAt(hub, canary), digests[0]);
  }));

function digestAt(hub: RunningHub, device: string): string | undefined {
  return hub.broker.last(device)?.apps[0]?.release.digest;
}

test("a pinned device is no canary, chosen or named", () =>
  withHub(async (bench) => {
    const { hub, digests } = await halted(bench, 3, small);
    const pinned = DeviceId.parse("pi-000");
    await hub.control.pin({ device: pinned, to: digests[0] ?? "", ...by });
    const named = hub.bisects.begin(1, { ...by, devices: [pinned] });
    await assert.rejects(named, { code: "state_conflict", message: /while pinned/ });
    const { bisect } = await hub.bisects.begin(1, by);
    assert.deepEqual(bisect.canaries.map(({ device }) => device).toSorted(), ["pi-003"]);
  }));
