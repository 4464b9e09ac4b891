// The pure heart: layers of values, selection, and the commit that an app keeps.
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { compute, effectiveLabels } from "#hub/desired/compute/compute.ts";
import type { BranchSnapshot, Deployment, FleetSnapshot } from "#hub/release/model.ts";
import { specHash } from "#shared/desired.ts";
import { AppName, DeviceId, Digest, type Labels, type Values } from "#shared/ids.ts";
import { parseSelector } from "#shared/selector.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/desired/compute");

const id = DeviceId.parse("pi-1");
const digest = Digest.parse("a".repeat(64));
const commit = (letter: string): string => letter.repeat(40);

function deployment(name: string, selector: string, values: Values = {}): Deployment {
  const branch = "main";
  return {
    name: AppName.parse(name),
    selector: parseSelector(selector),
    role: "robot",
    branch,
    values,
  };
}

function branch(change: Partial<BranchSnapshot> = {}): BranchSnapshot {
  const policy = { gracePeriodMs: 60_000, stableMs: 2000 };
  const robot = { role: "robot", digest, size: 1024, values: { FROM: "role", ROLE: "r" }, policy };
  return {
    branch: "main",
    commit: commit("1"),
    values: { FROM: "fleet", FLEET: "f" },
    deployments: [deployment("robots", "role=robot", { FROM: "deployment", DEPLOYMENT: "d" })],
    sites: { berlin: { values: { FROM: "site", SITE: "s" } } },
    devices: { [id]: { labels: { role: "robot" }, values: { FROM: "device", DEVICE: "v" } } },
    roles: { robot },
    ...change,
  };
}

function fleet(...branches: BranchSnapshot[]): FleetSnapshot {
  return {
    defaultBranch: "main",
    branches: Object.fromEntries(branches.map((item) => [item.branch, item])),
  };
}

const labels: Labels = { site: "berlin", role: "robot" };

function apps(snapshot: FleetSnapshot, of: Labels = labels): string[] {
  return compute(snapshot, { id, labels: of }, undefined).apps.map(({ name }) => name);
}

test("lays device over deployment over site over fleet over role", () => {
  const [app] = compute(fleet(branch()), { id, labels }, undefined).apps;
  assert.deepEqual(app?.values, {
    FROM: "device",
    ROLE: "r",
    FLEET: "f",
    SITE: "s",
    DEPLOYMENT: "d",
    DEVICE: "v",
    FLEET_DEVICE: "pi-1",
    FLEET_SITE: "berlin",
    FLEET_APP: "robots",
  });
  const from = (change: Partial<BranchSnapshot>): string | undefined =>
    compute(fleet(branch(change)), { id, labels }, undefined).apps[0]?.values["FROM"];
  const plain = [deployment("robots", "role=robot")];
  assert.equal(from({ devices: {} }), "deployment");
  assert.equal(from({ devices: {}, deployments: plain }), "site");
  assert.equal(from({ devices: {}, deployments: plain, sites: {} }), "fleet");
  assert.equal(from({ devices: {}, deployments: plain, sites: {}, values: {} }), "role");
});

test("selects by effective labels and sorts apps by name", () => {
  const deployments = [
    deployment("z", ""),
    deployment("a", "site=berlin"),
    deployment("b", "!site"),
  ];
  assert.deepEqual(apps(fleet(branch({ deployments }))), ["a", "z"]);
  assert.deepEqual(apps(fleet(branch({ deployments })), {}), ["b", "z"]);
});

test("lets the device's file override the agent's labels", () => {
  const snapshot = fleet(branch());
  assert.deepEqual(effectiveLabels(snapshot, id, { role: "camera", rack: "7" }), {
    role: "robot",
    rack: "7",
  });
  const other = DeviceId.parse("constructor");
  assert.deepEqual(effectiveLabels(snapshot, other, { rack: "7" }), { rack: "7" });
});

test("finds nothing under names that every object has", () => {
  const [app] = compute(
    fleet(branch({ devices: {} })),
    { id: DeviceId.parse("constructor"), labels: { site: "constructor", role: "robot" } },
    undefined,
  ).apps;
  assert.equal(app?.values["FROM"], "deployment");
});

test("keeps the commit that last changed the app while later commits leave it alone", () => {
  const first = compute(fleet(branch()), { id, labels }, undefined);
  const idle = compute(fleet(branch({ commit: commit("2") })), { id, labels }, first);
  assert.equal(idle.apps[0]?.release.commit, commit("1"));
  assert.equal(specHash(idle), specHash(first));
  const values = { FROM: "fleet", FLEET: "g" };
  const changed = compute(fleet(branch({ commit: commit("3"), values })), { id, labels }, idle);
  assert.equal(changed.apps[0]?.release.commit, commit("3"));
});

test("takes content and values from the deployment's branch, which may override its values there", () => {
  const staged = { ...deployment("robots", "role=robot"), branch: "staging" };
  const main = branch({ deployments: [{ ...staged, values: { FROM: "main" } }] });
  const staging = branch({
    branch: "staging",
    commit: commit("5"),
    devices: {},
    values: { FLEET: "staged" },
    deployments: [{ ...staged, values: { FROM: "staging" } }],
  });
  const [app] = compute(fleet(main, staging), { id, labels }, undefined).apps;
  assert.equal(app?.values["FLEET"], "staged");
  assert.equal(app?.values["FROM"], "staging");
  assert.equal(app?.release.commit, commit("5"));
  const [bare] = compute(
    fleet(main, { ...staging, deployments: [] }),
    { id, labels },
    undefined,
  ).apps;
  assert.equal(bare?.values["FROM"], "main");
});

test("leaves an app as it was while its branch or role is gone, and takes it when nothing wants it", () => {
  const first = compute(fleet(branch()), { id, labels }, undefined);
  assert.deepEqual(compute(fleet(branch({ roles: {} })), { id, labels }, first), first);
  assert.deepEqual(compute(fleet(branch({ deployments: [] })), { id, labels }, first).apps, []);
  assert.deepEqual(compute(fleet(branch({ roles: {} })), { id, labels }, undefined).apps, []);
});

test("is settled after one round: computing again from its own result changes nothing", () => {
  const word = fc.stringMatching(/^[A-Z]{1,3}$/);
  const values = fc.dictionary(word, fc.string(), { maxKeys: 4 });
  const change = fc.record({ values, site: values, own: values, device: values });
  const snapshots = fc.array(change, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(snapshots, (history) => {
      let previous: ReturnType<typeof compute> | undefined;
      for (const [index, layer] of history.entries()) {
        const snapshot = fleet(
          branch({
            commit: commit(String(index)),
            values: layer.values,
            sites: { berlin: { values: layer.site } },
            deployments: [deployment("robots", "", layer.own)],
            devices: { [id]: { labels: {}, values: layer.device } },
          }),
        );
        const next = compute(snapshot, { id, labels }, previous);
        const later = { ...snapshot.branches["main"], commit: commit("f") } as BranchSnapshot;
        assert.deepEqual(compute(fleet(later), { id, labels }, next), next);
        previous = next;
      }
    }),
    { numRuns: 100 },
  );
});
