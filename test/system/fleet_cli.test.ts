import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { type Outcome, startCommand } from "#test/hub/cli/command.ts";
import { suite } from "#test/suite.ts";
import { takePorts } from "#test/support/ports.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("the fleet command with a real hub and devices", { limitMs: 400_000 });
const root = join(import.meta.dirname, "..", "..");
const device = `cli-${process.pid}`;
let fleet: TestFleet;
let agent: ChildProcess | undefined;

test.before(async () => {
  fleet = await launchFleet({ runtime: "process", devices: 1 });
});
test.after(async () => {
  if (agent !== undefined && agent.exitCode === null) {
    const ended = new Promise((resolve) => agent?.on("exit", resolve));
    agent.kill("SIGTERM");
    await ended;
  }
  await fleet?.stop();
});

function fleetCommand(words: string[]): Promise<Outcome> {
  const env = { HOME: join(fleet.data, "home") };
  return startCommand(words, { env, limitMs: 120_000 }).ended;
}

async function run(words: string[], wanted = 0): Promise<Outcome> {
  const outcome = await fleetCommand(words);
  assert.equal(
    outcome.code,
    wanted,
    `fleet ${words.join(" ")}: ${outcome.stdout}${outcome.stderr}`,
  );
  return outcome;
}

/** Without the webhook: `fleet sync` is what tells the hub. */
async function commit(message: string): Promise<string> {
  await fleet.git("add", "--all");
  await fleet.git("commit", "--quiet", "-m", message);
  return fleet.git("rev-parse", "HEAD");
}

test("the token file of the hub signs in", async () => {
  const { stderr } = await run([
    ...["login", fleet.fleet.url],
    ...["--token-file", join(fleet.data, "hub/operator.token")],
  ]);
  assert.match(stderr, /^Signed in to .*: \d devices?\.$/m);
});

test("sync says that a commit was accepted, or why it was refused", async () => {
  const file = join(fleet.repository, "devices", `${device}.yaml`);
  const spec = { apiVersion: "metrica.fleet/v1", kind: "Device" };
  const labels = { site: "north", robots: "yes", display: "no" };
  const [port] = await takePorts(1);
  const values = { STATUS_PORT: port };
  await writeFile(file, stringify({ ...spec, labels, valeus: values }));
  const bad = await commit("A key that is misspelled");
  const refused = await run(["sync"], 1);
  assert.match(
    refused.stdout,
    new RegExp(`^main ${bad.slice(0, 7)} refused, stays at \\w{7}$`, "m"),
  );
  assert.match(refused.stderr, new RegExp(`${device}\\.yaml.*valeus`));
  await writeFile(file, stringify({ ...spec, labels, values }));
  const good = await commit(`Add ${device}`);
  const accepted = await run(["sync"]);
  assert.match(accepted.stdout, new RegExp(`^main ${good.slice(0, 7)} accepted$`, "m"));
});

test("a device with the agent.yaml of enroll is waited for until it is healthy", async () => {
  const made = await run(["enroll", device, "--agent-yaml"]);
  const directory = join(fleet.data, "own");
  await mkdir(directory, { recursive: true });
  const local = { dataDirectory: "data", runDirectory: "run", runtime: "process", interval: 1 };
  const own = { ...local, heartbeatSeconds: 1, page: { port: 0 }, workloadsOnStop: "stop" };
  const config = { ...(parse(made.stdout) as object), ...own };
  await writeFile(join(directory, "agent.yaml"), stringify(config), { mode: 0o600 });
  const created = run(["wait", device, "--for=create", "--timeout", "60s"]);
  const args = ["scripts/run.mjs", "edge/main.ts", "--config", join(directory, "agent.yaml")];
  agent = spawn(process.execPath, args, { cwd: root, stdio: "ignore" });
  await created;
  const goals = ["--for=sync=Synced", "--for=condition=Healthy", "--for=generation"];
  const { stdout } = await run(["wait", device, ...goals, "--timeout", "90s"]);
  assert.equal(stdout, `device/${device} is as waited for\n`);
});

test("get, describe, tree, history and diff show what runs there", async () => {
  const outcomes = ["history", "device", device, "-o", "jsonpath={.items[*].outcome}"];
  // The journal may come after the report.
  await fleet.until("the end of the update", async () => {
    const { stdout } = await run(outcomes);
    return stdout !== "running\n" && stdout.trim() !== "";
  });
  const apps = await run(["get", "apps", "robots", "-o", "json"]);
  const { items } = JSON.parse(apps.stdout) as { items: { device: string; sync: string }[] };
  assert.equal(items.find((app) => app.device === device)?.sync, "Synced");
  const page = await run(["describe", "device", device]);
  for (const part of [
    /^Connection: +Online/m,
    /^App robots$/m,
    /robots@\w{7} {2}succeeded after/,
  ]) {
    assert.match(page.stdout, part);
  }
  assert.match(
    (await run(["tree", "-l", "site=north"])).stdout,
    new RegExp(`─ ${device} {2}\\[Online`),
  );
  assert.equal((await run(outcomes)).stdout, "succeeded\n");
  assert.equal((await run(["diff", "device", device])).stdout, "");
});

test("a device that is asked looks and reports at once, and stays where it is pinned", async () => {
  const asked = await run(["sync", device, "--timeout", "60s"]);
  assert.match(asked.stdout, new RegExp(`^device/${device} reported$`, "m"));
  const head = await fleet.git("rev-parse", "HEAD");
  const made = await run(["pin", "robots", "--device", device, "--to", head, "--reason", "fair"]);
  const id = /^pin\/(\d+) robots at /.exec(made.stdout)?.[1] ?? "";
  const page = await run(["describe", "device", device]);
  assert.match(page.stdout, new RegExp(`^Notice: +robots on ${device} is pinned to .*: fair`, "m"));
  await run(["unpin", id, "--reason", "over"]);
});

test("a held device differs after a commit until it is let go again", async () => {
  await run(["hold", device, "--reason", "fair until Sunday"]);
  await run(["wait", device, "--for=generation"]);
  await fleet.edit("sites/north.yaml", (text) =>
    text.replace(/ROBOT_COUNT: \d+/, "ROBOT_COUNT: 1"),
  );
  await commit("One robot in the north");
  await run(["sync"]);
  // The new desired state is made after the commit was taken in, a moment later.
  await fleet.until("a difference", async () => {
    const { code, stdout } = await fleetCommand(["diff", "device", device]);
    return code === 1 && /^\+app\.robots\./m.test(stdout);
  });
  const page = await run(["describe", "device", device]);
  assert.match(page.stdout, /^Mode: +hold: fair until Sunday$/m);
  await run(["wait", device, "--for=sync=Synced", "--timeout", "1s"], 6);
  await run(["unhold", device, "--reason", "over"]);
  await run(["wait", device, "--for=sync=Synced", "--for=health=Healthy", "--timeout", "90s"]);
  await run(["diff", "device", device]);
  const events = await run(["events", "--for", device, "--reason", "ModeOrdered"]);
  assert.match(events.stdout, /set the mode to hold: fair until Sunday/);
});
