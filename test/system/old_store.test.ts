// A hub whose store was copied back by hand and knows nothing of it: a device claims, and then proves, that it was told more.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadSigningKey } from "#hub/desired/keys.ts";
import { systemClock as clock } from "#shared/clock.ts";
import type { DesiredState } from "#shared/desired.ts";
import type { EnrolResponse } from "#shared/enrolment.ts";
import { type Envelope, sealDesired } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { createRepository } from "#test/support/repository.ts";
import { fleetYaml, smallFleet } from "#test/support/sites.ts";

const test = suite("a hub on an old store", { limitMs: 240_000 });
const root = join(import.meta.dirname, "..", "..");
const device = "pi-rome" as DeviceId;
const claimed = 7;
const data = mkdtempSync(join(tmpdir(), "fleet-old-store-"));
const repository = createRepository();
let hub: ChildProcess;
let url: string;
let operator: Record<string, string>;
let asDevice: Record<string, string>;

test.before(async () => {
  repository.commit(smallFleet);
  const ports = ["--http-port", "0", "--mqtt-port", "0", "--poll-seconds", "1"];
  const args = ["hub/main.ts", "--data", data, "--repository", repository.path, ...ports];
  hub = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  url = await started(hub);
  const token = readFileSync(join(data, "operator.token"), "utf8").trim();
  operator = { authorization: `Bearer ${token}` };
  const secret = await enrolled();
  const basic = Buffer.from(`${device}:${secret}`).toString("base64");
  asDevice = { authorization: `Basic ${basic}` };
  await until("the first desired state", async () => (await generation()) === 1);
});
test.after(async () => {
  if (hub.exitCode === null && hub.signalCode === null) {
    const ended = once(hub, "exit");
    hub.kill("SIGTERM");
    await ended;
  }
  repository.remove();
  rmSync(data, { recursive: true, force: true });
});

function started(child: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let out = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    out += chunk.toString();
    const line = out.split("\n").find((one) => one.includes('"hub started"'));
    if (line?.endsWith("}") === true) resolve((JSON.parse(line) as { url: string }).url);
  });
  child.once("exit", () => reject(new Error(`the hub has ended: ${out}`)));
  return promise;
}

async function call<T>(path: string, headers = operator, body?: object): Promise<T> {
  const response = await fetch(new URL(path, url), {
    method: body === undefined ? "GET" : "POST",
    headers: { ...headers, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const end = clock.monotonicMs() + 60_000;
  while (!(await holds().catch(() => false))) {
    if (clock.monotonicMs() > end) throw new Error(`${what}: not within 60 s`);
    await clock.sleep(50);
  }
}

async function enrolled(): Promise<string> {
  const { token } = await call<{ token: string }>("/v1/enrollment-tokens", operator, { device });
  const labels = { role: "robot", site: "rome" };
  const request = { token, device, labels, nonce: "0123456789abcdef" };
  return (await call<EnrolResponse>("/v1/enroll", {}, request)).secret;
}

/** What the hub asks of the device now. */
async function generation(): Promise<number> {
  const { payload } = await call<Envelope>(`/v1/devices/${device}/desired`, asDevice);
  return (JSON.parse(Buffer.from(payload, "base64").toString()) as { generation: number })
    .generation;
}

/** Whether every commit is taken in, and what followed from it has had its time. */
async function commit(level: string): Promise<void> {
  const head = repository.commit({ "fleet.yaml": fleetYaml.replace("info", level) });
  await until("the commit is accepted", async () => {
    const { branches } = await call<{ branches: { accepted: string }[] }>("/v1/fleet");
    return branches.some(({ accepted }) => accepted === head);
  });
  await clock.sleep(1000);
}

test("what a device only claims moves nothing while it may still prove it", async () => {
  const beat = { bootId: "boot-1", generation: claimed, specHash: "other", at: Date.now() };
  await call(`/v1/devices/${device}/report`, asDevice, { beat: { ...beat, heartbeatMs: 10_000 } });
  await until("the claim is known", async () => {
    const shown = await call<{ observedGeneration: number }>(`/v1/devices/${device}`);
    return shown.observedGeneration === claimed;
  });
  await commit("debug");
  assert.equal(await generation(), 1);
  assert.equal((await call<{ paused: boolean }>("/v1/fleet/pause")).paused, false);
});

test("what it proves is taken over and pauses the fleet: no commit moves it any more", async () => {
  const key = await loadSigningKey(data);
  const times = { generation: claimed, issuedAt: Date.now() };
  const state: DesiredState = { device, mode: "run", apps: [], ...times };
  const desired = sealDesired(state, key.privateKey, key.id);
  await call(`/v1/devices/${device}/return`, asDevice, { desired });
  assert.equal(await generation(), claimed);
  const { cause } = await call<{ cause: string }>("/v1/fleet/pause");
  assert.equal(cause, "restored");
  await commit("warn");
  assert.equal(await generation(), claimed);
});

test("after the word of a person it follows Git above what the device holds", async () => {
  await call("/v1/fleet/pause/end", operator, { reason: "it is back" });
  assert.equal(await generation(), claimed + 1);
});
