// The life of a device with the real hub and real agents: imported, joined, restarted, cut off, cancelled, replaced.
import * as assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PhaseView, RunView } from "#hub/api/run_view.ts";
import { suite } from "#test/suite.ts";
import { launchFleet, type TestFleet } from "#test/support/running_fleet.ts";
import { type CutRelay, createCutRelay } from "./lifecycle_relay.ts";

const test = suite("the life of a device", { limitMs: 300_000 });
const box = `box-${process.pid}`;
let fleet: TestFleet;
let relays: CutRelay[];
let requests = 0;

const plans = {
  move: `parameters:
  INTERFACE: {}
steps:
  - { kind: configureNetwork, interface: "\${INTERFACE}", method: dhcp, confirmSeconds: 3 }
`,
  linger: "steps:\n  - { kind: script, app: bell, script: linger.sh }\n",
};

const role = {
  "compose.yaml": `services:
  bell:
    image: bell
    command: ["sh", "-c", "while :; do sleep 1; done"]
    x-fleet: { runtime: process }
`,
  "role.yaml": "apiVersion: metrica.fleet/v1\nkind: Role\nhealth: { stableSeconds: 0 }\n",
  "linger.sh": "#!/bin/sh\necho it lingers\nexec sleep 600\n",
};

test.before(async () => {
  fleet = await launchFleet({ runtime: "process", devices: 1 });
  const { repository } = fleet;
  for (const [name, text] of Object.entries(plans)) {
    await mkdir(join(repository, "plans"), { recursive: true });
    const head = "apiVersion: metrica.fleet/v1\nkind: Plan\n";
    await writeFile(join(repository, "plans", `${name}.yaml`), head + text);
  }
  await mkdir(join(repository, "roles/bell"), { recursive: true });
  for (const [name, text] of Object.entries(role)) {
    await writeFile(join(repository, "roles/bell", name), text, { mode: 0o755 });
  }
  await fleet.edit("fleet.yaml", (text) =>
    text.replace(
      "deployments:\n",
      "deployments:\n  - { name: bell, role: bell, selector: 'bell=yes' }\n",
    ),
  );
  await fleet.commit("A bell, and plans of our own");
  const cutFile = join(fleet.data, "cut");
  const ports = [Number(new URL(fleet.fleet.url).port), fleet.mqttPort];
  relays = await Promise.all(ports.map((port) => createCutRelay({ port, cutFile })));
});
test.after(async () => {
  await fleet.stop();
  for (const relay of relays) relay.stop();
});

async function send<T>(method: string, path: string, body: string | object): Promise<T> {
  const isText = typeof body === "string";
  const response = await fetch(new URL(path, fleet.fleet.url), {
    method,
    headers: {
      Authorization: `Bearer ${fleet.token}`,
      "Content-Type": isText ? "text/csv" : "application/json",
    },
    body: isText ? body : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}

async function order(plan: string, parameters = {}): Promise<RunView> {
  requests += 1;
  const request = `story-${requests}`;
  const wish = { device: box, plan, request, parameters, reason: "the story goes on" };
  const run = await send<RunView>("POST", "/v1/runs", wish);
  assert.equal((await send<RunView>("POST", "/v1/runs", wish)).id, run.id);
  return run;
}

const isOver = ({ state }: RunView): boolean => state !== "Pending" && state !== "Running";

/** @returns the run once it is over, with its steps in words */
async function ended({ id }: RunView): Promise<{ run: RunView; steps: string[] }> {
  const run = await fleet.until(`the end of run ${id}`, async () => {
    const now = await fleet.api<RunView>(`/v1/runs/${id}`);
    return isOver(now) && now;
  });
  return { run, steps: run.steps.map(({ kind, state }) => `${kind} ${state}`) };
}

/** @param expected phase, and the conditions that are True */
async function reaches(expected: string): Promise<void> {
  let seen = "";
  await fleet
    .until(expected, async () => {
      const { phase, conditions } = await fleet.api<PhaseView>(`/v1/devices/${box}/phase`);
      const held = conditions.filter(({ status }) => status === "True");
      seen = [phase, ...held.map(({ type }) => type)].join(" ");
      return seen === expected;
    })
    .catch((error: unknown) => {
      throw new Error(`${String(error)}; it is ${seen}`);
    });
}

async function mended(): Promise<void> {
  await fleet.until("nothing is ordered any more", async () => {
    const device = await fleet.api<{ reported: { run?: { outcome?: string } } }>(
      `/v1/devices/${box}`,
    );
    return device.reported.run?.outcome !== undefined;
  });
  await send("PUT", `/v1/devices/${box}/phase`, { phase: "READY", reason: "looked at it" });
  await reaches("IN_SERVICE Provisioned");
}

/** Another agent under the same name: other hardware. */
async function startAgent(hardware: string): Promise<void> {
  const directory = join(fleet.data, hardware);
  await mkdir(directory, { recursive: true });
  const token = await send<{ token: string }>("POST", "/v1/enrollment-tokens", {
    device: box,
    ttlSeconds: 600,
  });
  const cutFile = join(fleet.data, "cut");
  const boot = join(directory, "boot-id");
  await writeFile(boot, `${hardware}-first\n`);
  const reboot = join(directory, "reboot.sh");
  // What a reboot is to the agent: another boot id, and an end without a word.
  await writeFile(reboot, `cat /proc/sys/kernel/random/uuid >${boot}\nkill -9 $PPID\n`);
  const network = join(directory, "network.sh");
  await writeFile(
    network,
    `case "$1" in save) echo as it was;; apply) touch ${cutFile};; restore) rm -f ${cutFile};; esac\n`,
  );
  const [http, mqtt] = relays;
  const config = join(directory, "agent.yaml");
  const settings = {
    device: box,
    hub: {
      url: `http://127.0.0.1:${http?.port}`,
      mqtt: `mqtt://127.0.0.1:${mqtt?.port}`,
      token: token.token,
    },
    ...{ dataDirectory: ".", runDirectory: "run", interval: 1, heartbeatSeconds: 2 },
    ...{ runtime: "process", page: { port: 0 }, workloadsOnStop: "stop" },
    disk: { reserveMegabytes: 50 },
    safeMode: { healthySeconds: 1 },
    machine: { reboot: ["sh", reboot], network: ["sh", network], bootIdFile: boot },
  };
  await writeFile(config, JSON.stringify(settings), { mode: 0o600 });
  const logFile = join(fleet.data, `${hardware}.log`);
  const args = ["--config", config];
  void fleet.fleet.children.start({
    name: hardware,
    entry: "edge/main.ts",
    args,
    logFile,
    isAgent: true,
  });
}

test("it is imported with its labels, ordered to join, and does so at its first start", async () => {
  await send("POST", "/v1/devices/import", `id,serial,labels.bell\n${box},007,yes\n`);
  await reaches("FACTORY_READY");
  const run = await order("repave-join");
  await reaches("PROVISIONING");
  await startAgent("first");
  const { steps } = await ended(run);
  const kinds = ["drain", "wipe", "enrol", "installRelease", "verify"];
  assert.deepEqual(
    steps,
    kinds.map((kind) => `${kind} Succeeded`),
  );
  await reaches("IN_SERVICE Provisioned");
  assert.equal((await fleet.app(box, "bell")).health, "Healthy");
});

test("a reboot is survived by its run", async () => {
  const bootOf = async (): Promise<string | undefined> =>
    (await fleet.api<{ reported?: { bootId: string } }>(`/v1/devices/${box}`)).reported?.bootId;
  const before = await bootOf();
  const { steps } = await ended(await order("reboot"));
  assert.deepEqual(
    steps,
    ["drain", "reboot", "waitForDevice", "verify"].map((kind) => `${kind} Succeeded`),
  );
  assert.notEqual(await bootOf(), before);
  await reaches("IN_SERVICE Provisioned");
});

test("a change of the network that cuts the device off returns by itself", async () => {
  const run = await order("move", { INTERFACE: "eth0" });
  await fleet.until("the cut", async () => existsSync(join(fleet.data, "cut")));
  const { run: over, steps } = await ended(run);
  assert.deepEqual([over.state, steps], ["Failed", ["configureNetwork Failed"]]);
  assert.ok(!existsSync(join(fleet.data, "cut")));
  await reaches("MAINTENANCE Provisioned NeedsIntervention");
  await mended();
});

test("a cancelled run ends at once on the hub and soon on the device, and its log is kept", async () => {
  const run = await order("linger");
  await fleet.until("its log", async () => {
    const log = await fleet.api<{ items: { text: string }[] }>(`/v1/runs/${run.id}/log`);
    return log.items.some(({ text }) => text.includes("it lingers"));
  });
  const path = `/v1/runs/${run.id}/cancel`;
  const cancelled = await send<RunView>("POST", path, { reason: "it takes too long" });
  assert.equal(cancelled.state, "Cancelled");
  await reaches("MAINTENANCE Provisioned NeedsIntervention");
  await mended();
  assert.equal((await fleet.api<RunView>(`/v1/runs/${run.id}`)).state, "Cancelled");
});

test("rma empties it and ends its identity; other hardware takes over its role", async () => {
  const { run } = await ended(await order("rma"));
  assert.equal(run.state, "Succeeded");
  await reaches("RMA");
  await startAgent("second");
  await reaches("IN_SERVICE Provisioned");
  const device = await fleet.api<{ reported: { bootId: string } }>(`/v1/devices/${box}`);
  assert.equal(device.reported.bootId, "second-first");
  const { items } = await fleet.api<{ items: RunView[] }>(`/v1/runs?device=${box}`);
  assert.deepEqual(
    items.map(({ plan, state }) => `${plan} ${state}`),
    [
      "rma Succeeded",
      "linger Cancelled",
      "move Failed",
      "reboot Succeeded",
      "repave-join Succeeded",
    ],
  );
});
