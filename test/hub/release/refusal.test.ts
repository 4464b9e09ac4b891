// What refuses a commit: each with its file, line, key and reason, the last good commit staying.
import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { type HubBench, withHub } from "#test/support/hub.ts";
import type { Files } from "#test/support/repository.ts";
import { device, fleetYaml, robotCompose, site, smallFleet } from "#test/support/sites.ts";

const test = suite("hub/release", { limitMs: 240_000 });

const role = "apiVersion: metrica.fleet/v1\nkind: Role\n";
const header = "apiVersion: metrica.fleet/v1\nkind: Fleet\n";

/** Subject, what the commit changes, and how the refusal reads. */
const cases: [string, Files, RegExp][] = [
  ["broken YAML", { "fleet.yaml": "apiVersion: [\n" }, /^fleet\.yaml:2: is not valid YAML: /],
  [
    "an unknown key",
    { "fleet.yaml": `${fleetYaml}    replicas: 3\n` },
    /^fleet\.yaml:9: deployments\.0\.replicas: is not a key that is known here$/,
  ],
  [
    "a missing key",
    { "fleet.yaml": `${header}deployments:\n  - name: robots\n` },
    /^fleet\.yaml:4: deployments\.0\.role: is missing$/,
  ],
  [
    "a value that is no scalar",
    { "sites/paris.yaml": `${site({})}`.replace("{}", "{ROBOT_COUNT: [5]}") },
    /^sites\/paris\.yaml:3: values\.ROBOT_COUNT: must be a text or a number or true or false, but is a list$/,
  ],
  [
    "a reserved value",
    { "sites/paris.yaml": site({ ROBOT_COUNT: 5, FLEET_SITE: "x" }) },
    /^sites\/paris\.yaml:5: values\.FLEET_SITE: is set by the hub/,
  ],
  [
    "a deployment twice",
    { "fleet.yaml": `${fleetYaml}  - name: robots\n    role: robot\n` },
    /^fleet\.yaml:9: deployments\.1\.name: the deployment "robots" stands here twice$/,
  ],
  [
    "a role that is not there",
    { "fleet.yaml": fleetYaml.replace("role: robot\n", "role: robto\n") },
    /^fleet\.yaml:7: deployments\.0\.role: the deployment "robots" needs the role "robto"/,
  ],
  [
    "a branch that is not there",
    { "fleet.yaml": `${fleetYaml}    branch: staging\n` },
    /^fleet\.yaml:9: deployments\.0\.branch: .*the branch "staging" does not exist$/,
  ],
  [
    "a selector that is none",
    { "fleet.yaml": fleetYaml.replace("role=robot", "role==a b") },
    /^fleet\.yaml:8: deployments\.0\.selector: "role==a b" is not a label selector term$/,
  ],
  [
    "a device at an unknown site",
    { "devices/pi-1.yaml": device({ site: "pairs" }) },
    /^devices\/pi-1\.yaml:5: labels\.site: names the site "pairs", which has no file$/,
  ],
  [
    "a device whose name is no id",
    { "devices/Pi_1.yaml": device({ site: "paris" }) },
    /^devices\/Pi_1\.yaml: "Pi_1" is not a name/,
  ],
  [
    "a broken Compose file",
    { "roles/robot/compose.yaml": `${robotCompose}    prots: ["80"]\n` },
    /^roles\/robot\/compose\.yaml:8: services\.robot\.prots: .*\(deployment robots at site \w+\)$/,
  ],
  [
    "a Compose key that one host cannot carry out",
    { "roles/robot/compose.yaml": `${robotCompose}    build: .\n` },
    /^roles\/robot\/compose\.yaml:8: services\.robot\.build: /,
  ],
  [
    "a value that fits one site only",
    { "sites/rome.yaml": site({ ROBOT_COUNT: "ten" }) },
    /^roles\/robot\/compose\.yaml:7: services\.robot\.deploy\.replicas: .*\(deployment robots at site rome\)$/,
  ],
  [
    "a variable that the Compose file demands",
    { "roles/robot/compose.yaml": robotCompose.replace("{FLEET_SITE}", "{CAMERA:?no camera}") },
    /^roles\/robot\/compose\.yaml:5: services\.robot\.environment\.SITE: CAMERA is not set: no camera/,
  ],
  [
    "a value that a role requires of one device",
    {
      "roles/robot/role.yaml": `${role}requires: [ROBOT_COUNT, SERIAL]\n`,
      "devices/pi-1.yaml": device({ site: "paris", role: "robot" }, { SERIAL: "1" }),
      "devices/pi-2.yaml": device({ site: "paris", role: "robot" }),
      "sites/berlin.yaml": site({ ROBOT_COUNT: 3, SERIAL: "b" }),
      "sites/rome.yaml": site({ ROBOT_COUNT: 3, SERIAL: "r" }),
    },
    /^roles\/robot\/role\.yaml:3: requires\.1: SERIAL is required .*on device pi-2\)$/,
  ],
  [
    "a hook that is not there",
    { "roles/robot/role.yaml": `${role}hooks:\n  validate: check.sh\n` },
    /^roles\/robot\/role\.yaml:4: hooks\.validate: names "check\.sh", which is not a file/,
  ],
  [
    "a probe of an unknown form",
    { "roles/robot/role.yaml": `${role}health:\n  probes:\n    - htpt: http://x\n` },
    /^roles\/robot\/role\.yaml:5: health\.probes\.0/,
  ],
  [
    "a log probe of a service that is not there",
    {
      "roles/robot/role.yaml": `${role}health:\n  probes:\n    - {log: ready, service: rbot}\n`,
    },
    /^roles\/robot\/role\.yaml:5: health\.probes\.0\.service: names the service "rbot"/,
  ],
  [
    "a role under another name",
    { "roles/robot/role.yaml": `${role}name: dog\n` },
    /^roles\/robot\/role\.yaml:3: name: is "dog", but the directory is roles\/robot$/,
  ],
  [
    "a role without a Compose file",
    { "roles/spare/docker-compose.yml": robotCompose },
    /^roles\/spare\/compose\.yaml: the role "spare" has no compose\.yaml$/,
  ],
  [
    "an unused role that does not load",
    { "roles/spare/compose.yaml": "services: 5\n" },
    /^roles\/spare\/compose\.yaml:1: services: /,
  ],
  ["no fleet.yaml", { "fleet.yaml": null }, /^fleet\.yaml: is missing$/],
  [
    "a file that is too large",
    { "sites/rome.yaml": `# ${"x".repeat(1024 ** 2)}\n` },
    /^sites\/rome\.yaml: has 1048579 bytes; at most 1048576 are allowed$/,
  ],
];

test("names file, line, key and reason of every fault, and the last good commit stays", () =>
  withHub(async (bench) => {
    const good = bench.repository.commit(smallFleet);
    const hub = await bench.start();
    await hub.sync();
    for (const [subject, files, expected] of cases) {
      const head = bench.repository.commit(files, subject);
      await hub.sync();
      const [row] = await hub.store.branches();
      assert.equal(row?.head, head, subject);
      assert.match(row?.refusal ?? "accepted", expected, subject);
      assert.equal(hub.releases.snapshot()?.branches["main"]?.commit, good, subject);
      bench.repository.git("reset", "--quiet", "--hard", good);
    }
    const events = await hub.events();
    const refused = events.filter(({ reason }) => reason === "CommitRefused");
    assert.equal(refused.length, cases.length, "one event for each commit");
    assert.match(
      refused[0]?.message ?? "",
      /^main [0-9a-f]{8} "broken YAML" by Ada is refused: fle/,
    );
  }));

test("refuses links and submodules where it reads, and leaves them alone elsewhere", () =>
  withHub(async (bench) => {
    const { repository } = bench;
    repository.link("docs/link", "/etc/passwd");
    const good = repository.commit(smallFleet);
    const hub = await bench.start();
    await hub.sync();
    assert.equal((await hub.store.branches())[0]?.accepted, good);
    repository.link("roles/robot/key", "/etc/shadow");
    repository.commit({});
    await hub.sync();
    assert.match(await refusal(hub), /^roles\/robot\/key: is a symbolic link/);
    repository.git("reset", "--quiet", "--hard", good);
    repository.git("update-index", "--add", "--cacheinfo", `160000,${good},roles/robot/module`);
    repository.git("commit", "--quiet", "--message=module");
    await hub.sync();
    assert.match(await refusal(hub), /^roles\/robot\/module: is a submodule/);
  }));

async function refusal(hub: Awaited<ReturnType<HubBench["start"]>>): Promise<string> {
  return (await hub.store.branches()).find(({ branch }) => branch === "main")?.refusal ?? "";
}

test("refuses a staging commit that drops a role which the default branch deploys from it", () =>
  withHub(async (bench) => {
    const { repository } = bench;
    const staged = `${fleetYaml}  - {name: preview, role: robot, branch: staging, selector: ring=staging}\n`;
    const main = repository.commit({ ...smallFleet, "fleet.yaml": staged });
    repository.git("branch", "staging");
    const hub = await bench.start();
    await hub.sync();
    repository.git("checkout", "--quiet", "staging");
    repository.commit({ "roles/robot": null, "roles/dog/compose.yaml": robotCompose });
    await hub.sync();
    const rows = await hub.store.branches();
    const [mainRow, stagingRow] = rows.toSorted((a, b) => a.branch.localeCompare(b.branch));
    assert.equal(mainRow?.accepted, main);
    assert.equal(mainRow?.refusal, null);
    assert.equal(stagingRow?.accepted, main);
    assert.match(
      stagingRow?.refusal ?? "",
      /"preview" needs the role "robot", which branch staging/,
    );
    assert.equal(hub.releases.snapshot()?.branches["staging"]?.commit, main);

    repository.git("checkout", "--quiet", "main");
    repository.git("branch", "--delete", "--force", "staging");
    await hub.sync();
    const [, gone] = (await hub.store.branches()).toSorted((a, b) =>
      a.branch.localeCompare(b.branch),
    );
    assert.match(gone?.refusal ?? "", /does not exist/);
    assert.equal(hub.releases.snapshot()?.branches["staging"]?.commit, main);
  }));

test("keeps numbers as they are written", () =>
  withHub(async (bench) => {
    const values = "{ROBOT_COUNT: 3, VERSION: 1.10, PIN: 007, ON: true, HEX: 0x1F}";
    const berlin = `apiVersion: metrica.fleet/v1\nkind: Site\nvalues: ${values}\n`;
    bench.repository.commit({ ...smallFleet, "sites/berlin.yaml": berlin });
    const hub = await bench.start();
    await hub.sync();
    assert.deepEqual(hub.releases.snapshot()?.branches["main"]?.sites["berlin"]?.values, {
      ROBOT_COUNT: "3",
      VERSION: "1.10",
      PIN: "007",
      ON: "true",
      HEX: "0x1F",
    });
  }));

test("does not hold a value against a device whose labels only its agent knows", () =>
  withHub(async (bench) => {
    const good = bench.repository.commit({
      ...smallFleet,
      "devices/pi-1.yaml": device({ note: "x" }),
      "fleet.yaml": fleetYaml.replace("role=robot", "role=robot,site in (berlin,paris)"),
      "sites/rome.yaml": site({}),
    });
    const hub = await bench.start();
    await hub.sync();
    assert.equal((await hub.store.branches())[0]?.accepted, good);
  }));

test("lets devices bring what their sites do not, also for a site without devices", () =>
  withHub(async (bench) => {
    const serial = (value: string) =>
      device({ site: value, role: "robot" }, { SERIAL: value.length });
    const good = bench.repository.commit({
      ...smallFleet,
      "roles/robot/role.yaml": `${role}requires: [ROBOT_COUNT, SERIAL]\n`,
      "devices/pi-1.yaml": serial("berlin"),
      "devices/pi-2.yaml": serial("paris"),
    });
    const hub = await bench.start();
    await hub.sync();
    assert.equal((await hub.store.branches())[0]?.accepted, good);
  }));

test("gives an unchanged role the same digest in every commit and on every branch", () =>
  withHub(async (bench) => {
    const { repository } = bench;
    repository.commit(smallFleet);
    const hub = await bench.start();
    await hub.sync();
    const digest = hub.releases.snapshot()?.branches["main"]?.roles["robot"]?.digest;
    repository.commit({ "sites/paris.yaml": site({ ROBOT_COUNT: 6 }) });
    await hub.sync();
    assert.equal(hub.releases.snapshot()?.branches["main"]?.roles["robot"]?.digest, digest);
    const { rows } = await hub.store.releases({ limit: 10 });
    assert.equal(rows.length, 1);
    assert.equal(
      rows[0]?.commits.length,
      1,
      "a commit that leaves the role alone is none of its own",
    );
  }));
