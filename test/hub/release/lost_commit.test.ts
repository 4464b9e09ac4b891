// A branch whose accepted commit cannot be read: what was followed last stands for it, and its policy holds.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { createNotices } from "#hub/control/notices.ts";
import { repositoryHealth } from "#hub/git/health.ts";
import { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import type { HubBench, RunningHub } from "#test/support/hub.ts";
import { withHub } from "#test/support/hub.ts";
import { fleetYaml, smallFleet } from "#test/support/sites.ts";
import { appOf, counts, reasons, sites } from "#test/support/three_sites.ts";

const test = suite("hub/release/lost-commit", { limitMs: 120_000 });

const carefully = `${fleetYaml}    branch: staging
    rollout: {steps: [{count: 1, approval: true}, {percent: 100}]}
`;

const berlin = (count: number) => ({
  "sites/berlin.yaml": `apiVersion: metrica.fleet/v1\nkind: Site\nvalues: {ROBOT_COUNT: ${count}}\n`,
});

/** Three devices have what staging says, given at once as the first there was. */
async function staged({ repository, start }: HubBench): Promise<[RunningHub, string]> {
  repository.commit({ ...smallFleet, "fleet.yaml": carefully });
  repository.git("checkout", "--quiet", "-b", "staging");
  const accepted = repository.commit({}, "what runs");
  repository.git("checkout", "--quiet", "main");
  const hub = await start();
  for (const name of sites) await hub.enrol(`pi-${name}`, { site: name, role: "robot" });
  await hub.sync();
  assert.deepEqual(counts(hub), ["3", "5", "10"]);
  return [hub, accepted];
}

/** As a force-push and a clean-up leave it. */
function rewriteStaging({ repository }: HubBench, tree: string): string {
  const root = repository.git("commit-tree", tree, "-m", "a new root");
  repository.git("branch", "--force", "staging", root);
  repository.git("reflog", "expire", "--expire=now", "--all");
  repository.git("gc", "--quiet", "--prune=now");
  return root;
}

function loseObject({ directory }: HubBench, id: string): void {
  rmSync(join(directory, "mirror.git", "objects", id.slice(0, 2), id.slice(2)));
}

async function rollouts({ store }: RunningHub): Promise<string[]> {
  const { rows } = await store.rollouts({ limit: 5 });
  return rows.map(({ deployment, head }) => `${deployment} ${head.state}`);
}

const unread = ({ releases }: RunningHub): string[] =>
  releases.unread().map(({ branch, reason }) => `${branch}: ${reason}`);

test("a commit that came while the mirror had lost the accepted one passes the policy", () =>
  withHub(async (bench) => {
    const { repository } = bench;
    const [hub, accepted] = await staged(bench);
    await hub.stop();
    loseObject(bench, accepted);
    repository.git("checkout", "--quiet", "staging");
    const next = repository.commit(berlin(7));
    const again = await bench.start();
    assert.deepEqual(counts(again), ["3", "5", "10"]);
    await again.sync();
    assert.equal(again.releases.snapshot()?.branches["staging"]?.commit, next);
    assert.deepEqual(await rollouts(again), ["robots AwaitingApproval"]);
    assert.deepEqual(counts(again), ["3", "5", "10"]);
    assert.deepEqual(unread(again), []);
  }));

test("a lost object that nothing newer hangs on is fetched again, and nothing is called lost", () =>
  withHub(async (bench) => {
    const [hub, accepted] = await staged(bench);
    bench.repository.git("checkout", "--quiet", "staging");
    bench.repository.commit({ "fleet.yaml": "deployments: [\n" }, "bad");
    await hub.sync();
    await hub.stop();
    loseObject(bench, accepted);
    const again = await bench.start();
    await again.sync();
    assert.equal(again.releases.snapshot()?.branches["staging"]?.commit, accepted);
    assert.deepEqual((await reasons(again)).slice(2), ["CommitRefused"]);
  }));

test("what a force-push took for good stands as it was followed, and is told with the next step", () =>
  withHub(async (bench) => {
    const { repository } = bench;
    const [hub, accepted] = await staged(bench);
    const good = repository.git("commit-tree", `${accepted}^{tree}`, "-m", "good again");
    repository.git("branch", "spare", good);
    await hub.stop();
    loseObject(bench, accepted);
    rewriteStaging(bench, `${accepted}^{tree}:sites`);
    const again = await bench.start();
    await again.sync();
    await again.sync();
    assert.equal(again.releases.snapshot()?.branches["staging"]?.commit, accepted);
    assert.deepEqual(unread(again), ["staging: it is not in the repository any more"]);
    assert.deepEqual((await reasons(again)).slice(2), ["AcceptedCommitLost", "CommitRefused"]);
    const health = repositoryHealth("here", again.watcher.status(), again.releases.unread());
    assert.match(health.problem ?? "", /commit [0-9a-f]{8} of branch staging cannot be read: /);
    assert.match(health.hint ?? "", /^Devices keep what they have\. Push a commit to staging/);
    await again.enrol("pi-late", { site: "rome", role: "robot" });
    assert.equal(appOf(again, "pi-late")?.values["ROBOT_COUNT"], "10");

    // The default branch moves on meanwhile, and is checked against what stands.
    repository.commit({
      "fleet.yaml": `${carefully}    windows: [{from: "02:00", to: "04:00"}]\n`,
    });
    await again.sync();
    assert.equal(appOf(again, "pi-late")?.rules?.windows?.length, 1);
    repository.git("branch", "--force", "staging", "spare");
    await again.sync();
    assert.deepEqual(unread(again), []);
    assert.deepEqual(await rollouts(again), []);
    repository.git("checkout", "--quiet", "staging");
    repository.commit(berlin(7));
    await again.sync();
    assert.deepEqual(await rollouts(again), ["robots AwaitingApproval"]);
    assert.deepEqual(counts(again), ["3", "5", "10"]);
  }));

test("names the branch in the notices of the fleet and of the devices that follow it", () =>
  withHub(async (bench) => {
    const [hub, commit] = await staged(bench);
    const lost = { branch: "staging", commit, reason: "it is gone", at: 5 };
    const fleet = { snapshot: hub.releases.snapshot, unread: () => [lost] };
    const notices = createNotices({ ...hub, fleet });
    const [notice] = notices.all();
    assert.equal(notice?.kind, "unread");
    assert.match(notice?.message ?? "", /of staging \([0-9a-f]{8}\), whose accepted commit/);
    const device = await hub.store.device(DeviceId.parse("pi-rome"));
    assert.ok(device !== null);
    assert.deepEqual(notices.on(device), [notice]);
    assert.deepEqual(notices.on({ ...device, labels: { role: "lamp" } }), []);
  }));
