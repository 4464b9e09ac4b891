// The pure heart: layers of values, selection, and the commit that an app keeps.
import assert from "node:assert/strict";
import * as fc from "fast-check";
import { noEdits } from "#hub/control/overrides.ts";
import { compute, effectiveLabels } from "#hub/desired/compute/compute.ts";
import type { BranchSnapshot, Deployment, FleetSnapshot, RoleRelease } from "#hub/release/model.ts";
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
  const rules = { maxHoldMs: 1000 };
  const values = { FROM: "role", ROLE: "r" };
  const robot = { role: "robot", digest, size: 1024, values, policy, rules };
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

const device = { id, mode: "run" as const, retry: 0, edits: noEdits };
const labels: Labels = { site: "berlin", role: "robot" };

function apps(snapshot: FleetSnapshot, of: Labels = labels): string[] {
  return compute(snapshot, { ...device, labels: of }, undefined).apps.map(({ name }) => name);
}

test("lays device over deployment over site over fleet over role", () => {
  const [app] = compute(fleet(branch()), { ...device, labels }, undefined).apps;
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
    compute(fleet(branch(change)), { ...device, labels }, undefined).apps[0]?.values["FROM"];
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
  const of = (one: DeviceId, agentLabels: Labels): Labels =>
    effectiveLabels(snapshot, { id: one, agentLabels, edits: noEdits });
  assert.deepEqual(of(id, { role: "camera", rack: "7" }), { role: "robot", rack: "7" });
  const other = DeviceId.parse("constructor");
  assert.deepEqual(of(other, { rack: "7" }), { rack: "7" });
});

test("finds nothing under names that every object has", () => {
  const [app] = compute(
    fleet(branch({ devices: {} })),
    {
      ...device,
      id: DeviceId.parse("constructor"),
      labels: { site: "constructor", role: "robot" },
    },
    undefined,
  ).apps;
  assert.equal(app?.values["FROM"], "deployment");
});

test("keeps the commit that last changed the app while later commits leave it alone", () => {
  const first = compute(fleet(branch()), { ...device, labels }, undefined);
  const idle = compute(fleet(branch({ commit: commit("2") })), { ...device, labels }, first);
  assert.equal(idle.apps[0]?.release.commit, commit("1"));
  assert.equal(specHash(idle), specHash(first));
  const values = { FROM: "fleet", FLEET: "g" };
  const changed = compute(
    fleet(branch({ commit: commit("3"), values })),
    { ...device, labels },
    idle,
  );
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
  const [app] = compute(fleet(main, staging), { ...device, labels }, undefined).apps;
  assert.equal(app?.values["FLEET"], "staged");
  assert.equal(app?.values["FROM"], "staging");
  assert.equal(app?.release.commit, commit("5"));
  const [bare] = compute(
    fleet(main, { ...staging, deployments: [] }),
    { ...device, labels },
    undefined,
  ).apps;
  assert.equal(bare?.values["FROM"], "main");
});

test("leaves an app as it was while its branch or role is gone, and takes it when nothing wants it", () => {
  const first = compute(fleet(branch()), { ...device, labels }, undefined);
  assert.deepEqual(compute(fleet(branch({ roles: {} })), { ...device, labels }, first), first);
  assert.deepEqual(
    compute(fleet(branch({ deployments: [] })), { ...device, labels }, first).apps,
    [],
  );
  assert.deepEqual(
    compute(fleet(branch({ roles: {} })), { ...device, labels }, undefined).apps,
    [],
  );
});

const night = { from: "02:00", to: "04:00" };
const noon = { from: "12:00", to: "13:00" };

test("the nearest file that names windows says when an app may change", () => {
  const base = branch();
  const robot = {
    ...base.roles["robot"],
    rules: { maxHoldMs: 9, windows: [night] },
  } as RoleRelease;
  const roles = { robot };
  const windowsOf = (change: Partial<BranchSnapshot>): unknown =>
    compute(fleet(branch({ roles, ...change })), { ...device, labels }, undefined).apps[0]?.rules;
  assert.deepEqual(windowsOf({}), { maxHoldMs: 9, windows: [night] });
  const sites = { berlin: { values: {}, windows: [noon] } };
  assert.deepEqual(windowsOf({ sites }), { maxHoldMs: 9, windows: [noon] });
  const deployments = [{ ...deployment("robots", "role=robot"), windows: [night, noon] }];
  assert.deepEqual(windowsOf({ sites, deployments }), { maxHoldMs: 9, windows: [night, noon] });
  const devices = { [id]: { labels: {}, values: {}, windows: [] } };
  assert.deepEqual(windowsOf({ sites, deployments, devices }), { maxHoldMs: 9, windows: [] });
});

test("a lock of the device goes before one of the deployment, and neither is another release", () => {
  const lock = { reason: "fair week" };
  const own = { reason: "bench test", until: 5000 };
  const first = compute(fleet(branch()), { ...device, labels }, undefined);
  const deployments = [
    { ...deployment("robots", "role=robot", { FROM: "deployment", DEPLOYMENT: "d" }), lock },
  ];
  const locked = compute(
    fleet(branch({ commit: commit("2"), deployments })),
    { ...device, labels },
    first,
  );
  assert.deepEqual(locked.apps[0]?.rules?.lock, lock);
  assert.equal(locked.apps[0]?.release.commit, commit("1"));
  assert.notEqual(specHash(locked), specHash(first));
  const devices = { [id]: { labels: {}, values: {}, locks: { robots: own } } };
  const both = compute(fleet(branch({ deployments, devices })), { ...device, labels }, undefined);
  assert.deepEqual(both.apps[0]?.rules?.lock, own);
});

test("renders an app from an older state of the fleet where a rollout says so, under the newest rules", () => {
  const first = compute(fleet(branch()), { ...device, labels }, undefined);
  const lock = { reason: "fair week" };
  const values = { FROM: "fleet", FLEET: "new" };
  const deployments = [
    { ...deployment("robots", "role=robot", { FROM: "deployment", DEPLOYMENT: "d" }), lock },
  ];
  const newer = fleet(branch({ commit: commit("2"), values, deployments }));
  const older = (name: string): FleetSnapshot | undefined =>
    name === "robots" ? fleet(branch()) : undefined;
  const kept = compute(newer, { ...device, labels }, first, older);
  assert.deepEqual(kept.apps[0], { ...first.apps[0], rules: { maxHoldMs: 1000, lock } });
  const moved = compute(newer, { ...device, labels: { ...labels, site: "rome" } }, first, older);
  assert.equal(moved.apps[0]?.values["FLEET_SITE"], "rome");
  assert.equal(moved.apps[0]?.values["FLEET"], "f");
  const unknown = compute(newer, { ...device, labels }, first, () =>
    fleet(branch({ deployments: [] })),
  );
  assert.equal(unknown.apps[0]?.values["FLEET"], "new");
});

test("a device sleeps only when every role that it runs may, and looks as often as the keenest", () => {
  const robot = branch().roles["robot"] as RoleRelease;
  const rhythmOf = (a: RoleRelease["rhythm"], b: RoleRelease["rhythm"]): unknown => {
    const roles = {
      robot: a === undefined ? robot : { ...robot, rhythm: a },
      other: b === undefined ? robot : { ...robot, rhythm: b },
    };
    const deployments = [deployment("robots", ""), { ...deployment("others", ""), role: "other" }];
    return compute(fleet(branch({ roles, deployments })), { ...device, labels }, undefined).rhythm;
  };
  const sleepy = { intervalMs: 900_000, connection: "sleep" } as const;
  assert.deepEqual(rhythmOf(sleepy, sleepy), sleepy);
  assert.deepEqual(rhythmOf(sleepy, { intervalMs: 60_000, connection: "keep" }), {
    intervalMs: 60_000,
    connection: "keep",
  });
  assert.equal(rhythmOf(sleepy, undefined), undefined);
});

test("an operator's mode and wish to try again are part of what is wanted", () => {
  const plain = compute(fleet(branch()), { ...device, labels }, undefined);
  assert.ok(plain.mode === "run" && !("retry" in plain));
  const ordered = compute(fleet(branch()), { ...device, labels, mode: "safe", retry: 2 }, plain);
  assert.deepEqual([ordered.mode, ordered.retry], ["safe", 2]);
  assert.equal(new Set([plain, ordered].map(specHash)).size, 2);
});

test("the role safe-mode goes to every device beside its apps, under its own values", () => {
  const robot = branch().roles["robot"] as RoleRelease;
  const roles = { robot, "safe-mode": { ...robot, role: "safe-mode" } };
  const snapshot = fleet(branch({ roles }));
  const wanted = compute(snapshot, { ...device, labels: {} }, undefined);
  assert.deepEqual(wanted.apps, []);
  assert.equal(wanted.safeStack?.name, "safe-mode");
  assert.equal(wanted.safeStack?.values["FLEET_APP"], "safe-mode");
  assert.equal(wanted.safeStack?.rules, undefined);
  const later = fleet(branch({ roles, commit: commit("2") }));
  assert.deepEqual(compute(later, { ...device, labels: {} }, wanted), wanted);
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
        const next = compute(snapshot, { ...device, labels }, previous);
        const later = { ...snapshot.branches["main"], commit: commit("f") } as BranchSnapshot;
        assert.deepEqual(compute(fleet(later), { ...device, labels }, next), next);
        previous = next;
      }
    }),
    { numRuns: 100 },
  );
});
