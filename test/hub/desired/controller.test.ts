// From commits to what each device is told, on real Git and the real store.
import assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { withHub } from "#test/support/hub.ts";
import { device, fleetYaml, robotCompose, site, smallFleet } from "#test/support/sites.ts";
import { appOf, counts, generations, sites, started } from "#test/support/three_sites.ts";

const test = suite("hub/desired");

test("fans one role out to three sites with 3, 5 and 10 robots", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    assert.deepEqual(counts(hub), ["3", "5", "10"]);
    const digests = new Set(sites.map((name) => appOf(hub, `pi-${name}`)?.release.digest));
    assert.equal(digests.size, 1);
    assert.equal(hub.broker.published.length, 3);
    assert.equal(appOf(hub, "pi-rome")?.values["FLEET_DEVICE"], "pi-rome");
    assert.equal(appOf(hub, "pi-rome")?.values["FLEET_SITE"], "rome");
  }));

test("tells only the devices of the site whose value changed", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const first = appOf(hub, "pi-rome")?.release.commit;
    const second = bench.repository.commit({ "sites/berlin.yaml": site({ ROBOT_COUNT: 10 }) });
    await hub.sync();
    assert.deepEqual(counts(hub), ["10", "5", "10"]);
    assert.deepEqual(generations(hub), [2, 1, 1]);
    assert.equal(appOf(hub, "pi-berlin")?.release.commit, second);
    assert.equal(appOf(hub, "pi-rome")?.release.commit, first);
  }));

test("publishes nothing for a commit that changes nothing for any device", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    bench.repository.commit({ "README.md": "words\n" });
    await hub.sync();
    await hub.desired.reconcile();
    assert.equal(hub.broker.published.length, 3);
    assert.equal(
      (await hub.store.branches())[0]?.accepted,
      bench.repository.git("rev-parse", "HEAD"),
    );
  }));

test("gives the old digest back after a revert, under a new generation and the reverting commit", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const before = appOf(hub, "pi-berlin");
    bench.repository.commit({ "roles/robot/compose.yaml": robotCompose.replace(":1", ":2") });
    await hub.sync();
    assert.notEqual(appOf(hub, "pi-berlin")?.release.digest, before?.release.digest);
    bench.repository.git("revert", "--no-edit", "HEAD");
    const reverting = bench.repository.git("rev-parse", "HEAD");
    await hub.sync();
    assert.equal(appOf(hub, "pi-berlin")?.release.digest, before?.release.digest);
    assert.equal(appOf(hub, "pi-berlin")?.release.commit, reverting);
    assert.deepEqual(generations(hub), [3, 3, 3]);
    const digest = before?.release.digest;
    assert.ok(digest !== undefined);
    const release = await hub.store.release(digest);
    const commits = new Set(release?.commits.map(({ commit }) => commit));
    assert.deepEqual(commits, new Set([reverting, before?.release.commit]));
  }));

test("renders a staging deployment wholly from its branch, and leaves the others alone", () =>
  withHub(async (bench) => {
    const { repository } = bench;
    const withStaging = `${fleetYaml.replace("role=robot", "role=robot,ring!=staging")}  - name: robots-staging
    role: robot
    branch: staging
    selector: {role: robot, ring: staging}
`;
    repository.commit({ ...smallFleet, "fleet.yaml": withStaging });
    repository.git("branch", "staging");
    const hub = await bench.start();
    await hub.enrol("pi-1", { site: "berlin", role: "robot" });
    await hub.enrol("pi-2", { site: "berlin", role: "robot", ring: "staging" });
    await hub.sync();
    repository.git("checkout", "--quiet", "staging");
    const staged = repository.commit({
      "fleet.yaml": withStaging.replace("LEVEL: info", "LEVEL: debug"),
      "sites/berlin.yaml": site({ ROBOT_COUNT: 4 }),
      "roles/robot/compose.yaml": robotCompose.replace(":1", ":2"),
    });
    await hub.sync();
    const [plain, staging] = [appOf(hub, "pi-1"), appOf(hub, "pi-2")];
    assert.equal(plain?.name, "robots");
    assert.equal(plain?.values["ROBOT_COUNT"], "3");
    assert.equal(hub.broker.last("pi-1")?.generation, 1);
    assert.equal(staging?.name, "robots-staging");
    assert.equal(staging?.values["ROBOT_COUNT"], "4");
    assert.equal(staging?.values["LEVEL"], "debug");
    assert.equal(staging?.release.branch, "staging");
    assert.equal(staging?.release.commit, staged);
    assert.notEqual(staging?.release.digest, plain?.release.digest);
  }));

test("gives a device without a deployment an empty desired state of generation 1", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    await hub.enrol("pi-idle", { role: "camera" });
    assert.deepEqual(hub.broker.last("pi-idle")?.apps, []);
    assert.equal(hub.broker.last("pi-idle")?.generation, 1);
  }));

test("overrides the agent's labels by the device's file and follows a membership change", () =>
  withHub(async (bench) => {
    bench.repository.commit({
      ...smallFleet,
      "devices/pi-1.yaml": device({ site: "rome", role: "robot" }, { LEVEL: "trace" }),
    });
    const hub = await bench.start();
    await hub.sync();
    const id = DeviceId.parse("pi-1");
    await hub.store.enrol(id, "0".repeat(64), { site: "berlin" }, Date.now());
    hub.bus.emit("membership", id);
    await hub.desired.reconcile([]);
    assert.equal(appOf(hub, "pi-1")?.values["ROBOT_COUNT"], "10");
    assert.equal(appOf(hub, "pi-1")?.values["LEVEL"], "trace");
    assert.deepEqual((await hub.store.device(id))?.labels, { site: "rome", role: "robot" });
  }));

test("tells once of a device whose desired state is too large, and serves the others", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const values = { ROBOT_COUNT: 3, BLOB: "x".repeat(70_000) };
    bench.repository.commit({ "sites/berlin.yaml": site(values) });
    bench.repository.commit({ "sites/paris.yaml": site({ ROBOT_COUNT: 6 }) });
    await hub.sync();
    await hub.desired.reconcile();
    assert.deepEqual(generations(hub), [1, 2, 1]);
    const refused = (await hub.events()).filter(({ reason }) => reason === "DesiredRefused");
    assert.equal(refused.length, 1);
    assert.equal(refused[0]?.device, "pi-berlin");
  }));

test("numbers above what a device has seen after the store was restored from an old backup", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const id = DeviceId.parse("pi-rome");
    await hub.store.changeDevices([{ id, observedGeneration: 41 }]);
    await hub.desired.reconcile([id]);
    assert.equal(hub.broker.last("pi-rome")?.generation, 42);
    await hub.desired.reconcile([id]);
    assert.equal(hub.broker.published.length, 4);
  }));

test("gives a new number when the device holds other content under this one, and only once", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const id = DeviceId.parse("pi-rome");
    await hub.store.changeDevices([{ id, observedGeneration: 1, observedHash: "other" }]);
    await hub.desired.reconcile([id]);
    assert.equal(hub.broker.last("pi-rome")?.generation, 2);
    await hub.store.changeDevices([{ id, observedGeneration: 2, observedHash: "other" }]);
    await hub.desired.reconcile([id]);
    assert.equal(hub.broker.last("pi-rome")?.generation, 2);
  }));

test("what a failed look was to decide for others is decided at the next one", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const [rome, paris] = ["pi-rome", "pi-paris"].map((id) => DeviceId.parse(id));
    assert.ok(rome !== undefined && paris !== undefined);
    await hub.store.changeDevices([{ id: rome, mode: "hold" }]);
    const { allDevices } = hub.store;
    hub.store.allDevices = () =>
      Promise.reject(new FleetError("store_unavailable", { message: "it is busy" }));
    await assert.rejects(hub.desired.reconcile([rome]), { code: "store_unavailable" });
    hub.store.allDevices = allDevices;
    await hub.desired.reconcile([paris]);
    assert.equal(hub.broker.last("pi-rome")?.mode, "hold");
  }));

test("stores before it publishes, so that a restart repeats the same generation", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const rows = await hub.store.allDesired();
    assert.equal(rows.length, 3);
    await hub.stop();
    const again = await bench.start();
    assert.deepEqual(
      again.broker.published.map(({ device: id, generation }) => `${id} ${generation}`).toSorted(),
      [...new Set(rows.map((row) => `${row.device} ${row.generation}`))].toSorted(),
    );
  }));

test("a device for which nothing can be signed is told of, and the others follow", () =>
  withHub(async (bench) => {
    const hub = await started(bench);
    const stamp = { operator: "ann", reason: "x", at: 1 };
    // A store may hold what no API takes any more.
    const values = { LEVEL: { value: "\ud800", ...stamp } };
    await hub.store.editDevice(DeviceId.parse("pi-berlin"), { values }, []);
    bench.repository.commit({ "roles/robot/compose.yaml": robotCompose.replace(":1", ":2") });
    await hub.sync();
    assert.deepEqual(generations(hub), [1, 2, 2]);
    const { rows } = await hub.store.events({ reason: "DesiredRefused", limit: 5 });
    assert.deepEqual(
      rows.map(({ device: id }) => id),
      ["pi-berlin"],
    );
  }));
