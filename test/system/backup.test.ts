// A hub that works is backed up, goes on, and is lost; the old copy is put back in its place, and three real devices
// that know better than it make nothing of that.
import * as assert from "node:assert/strict";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { systemClock as clock } from "#shared/clock.ts";
import type { InstanceReport } from "#shared/reported.ts";
import { type Outcome, startCommand } from "#test/hub/cli/command.ts";
import { suite } from "#test/suite.ts";
import { createHubAside, type HubAside } from "#test/support/hub_aside.ts";
import { launchFleet, type TestDevice, type TestFleet } from "#test/support/running_fleet.ts";

const test = suite("a hub restored from an old backup", { limitMs: 400_000 });
/** Long enough for a hub that asked something of a device to be seen doing it: agents look every second or so. */
const quietMs = 3000;
let fleet: TestFleet;
let processes: HubAside;
let atBackup: TestDevice[];
let beforeLoss: TestDevice[];
let ranBefore: Record<string, unknown>;
let pinnedTo: string;

test.before(async () => {
  processes = createHubAside();
  fleet = await launchFleet({ runtime: "process", children: processes });
  await fleet.converged();
});
test.after(async () => {
  if (fleet === undefined) await processes.stop();
  else await fleet.stop();
});

interface Notice {
  kind: string;
  message: string;
}
type Shown = TestDevice & { notices: Notice[] };

const file = (): string => join(fleet.data, "hub.tar.gz");
const pinned = (): string => fleet.fleet.devices[0] ?? "";

async function run(...words: string[]): Promise<Outcome> {
  const home = join(fleet.data, "home");
  const env = { HOME: home, FLEET_HUB: fleet.fleet.url, FLEET_TOKEN: fleet.token };
  const outcome = await startCommand(words, { env, limitMs: 120_000 }).ended;
  const said = `fleet ${words.join(" ")}: ${outcome.stdout}${outcome.stderr}`;
  assert.equal(outcome.code, 0, said);
  return outcome;
}

function commitValue(name: string, value: string): Promise<string> {
  const set = (text: string): string =>
    text.replace(/^values:\n/m, `values:\n  ${name}: ${value}\n`);
  const drop = (text: string): string => text.replace(new RegExp(`^  ${name}: .*\n`, "m"), "");
  const message = `${name} is ${value}`;
  return fleet.edit("fleet.yaml", (text) => set(drop(text))).then(() => fleet.commit(message));
}

async function shown(): Promise<Shown[]> {
  return Promise.all(fleet.fleet.devices.map((id) => fleet.api<Shown>(`/v1/devices/${id}`)));
}

/** The hub has taken the commit in, whatever it makes of it. */
function accepted(commit: string): Promise<true> {
  return fleet.until(`${commit} is accepted`, async () => {
    const { branches } = await fleet.api<{ branches: { branch: string; accepted: string }[] }>(
      "/v1/fleet",
    );
    return branches.find(({ branch }) => branch === "main")?.accepted === commit;
  });
}

/** Every app of every device that is not pinned comes from this commit, and the devices say so themselves. */
async function converged(commit: string, isPinned = (_: string) => false): Promise<TestDevice[]> {
  return fleet.until(`all at ${commit}`, async () => {
    const devices = await shown();
    const isThere = devices.every(({ id, apps, ...device }) => {
      const robots = apps.find(({ name }) => name === "robots");
      const isSettled = device.sync === "Synced" && device.health === "Healthy";
      const seen = device.reported?.observedGeneration;
      const isHeard = device.connection === "Online" && seen === device.desiredGeneration;
      return isSettled && isHeard && (isPinned(id) || robots?.current?.commit === commit);
    });
    return isThere && devices;
  });
}

const generationsOf = (devices: readonly TestDevice[]): Record<string, number> =>
  Object.fromEntries(devices.map(({ id, desiredGeneration }) => [id, desiredGeneration]));

function assertHigher(after: readonly TestDevice[], before: readonly TestDevice[]): void {
  const were = generationsOf(before);
  for (const { id, desiredGeneration } of after) {
    const was = were[id] ?? Number.POSITIVE_INFINITY;
    assert.ok(desiredGeneration > was, `${id}: ${desiredGeneration} after ${was}`);
  }
}

/** Each copy of each service by its identity: what restarts is another one, or counts it. */
function runningOn(devices: readonly TestDevice[]): Record<string, unknown> {
  const told = ({ id, startedAt, restarts }: InstanceReport) => ({ id, startedAt, restarts });
  const copies = ({ id, reported }: TestDevice) =>
    (reported?.apps ?? []).flatMap(({ name, current, services }) =>
      services.map((one) => [
        `${id}/${name}/${one.name}`,
        { commit: current?.commit, copies: one.instances.map(told) },
      ]),
    );
  return Object.fromEntries(devices.flatMap(copies));
}

/** What the device keeps for its hub, as that hub would read it. */
async function memoNames(device: string, commit: string): Promise<boolean> {
  const path = join(fleet.data, "devices", device, "identity", "memo.json");
  const { payload } = JSON.parse(await readFile(path, "utf8")) as { payload: string };
  const { content } = JSON.parse(Buffer.from(payload, "base64").toString()) as { content: string };
  const { fleet: shared } = JSON.parse(gunzipSync(Buffer.from(content, "base64")).toString()) as {
    fleet?: { rows: { pins: { commit_id: string }[] } };
  };
  return shared?.rows.pins.some((pin) => pin.commit_id === commit) === true;
}

test("is written by one command while commits come in", async () => {
  const busy = commitValue("GREETING", "meanwhile");
  const { stdout, stderr } = await run("backup", file());
  await accepted(await busy);
  assert.equal(stdout, `${file()}\n`);
  assert.match(stderr, /^Checked: 3 devices as of /m);
  atBackup = await shown();
});

test("everything goes on: generations rise beyond what the backup knows", async () => {
  pinnedTo = await commitValue("GREETING", "after the backup");
  await accepted(pinnedTo);
  const words = ["--to", pinnedTo, "--reason", "a demo"];
  await run("pin", "robots", "--device", pinned(), ...words);
  const last = await commitValue("GREETING", "after the pin");
  beforeLoss = await converged(last, (id) => id === pinned());
  assertHigher(beforeLoss, atBackup);
  await fleet.until("every device carries the pin for its hub", async () => {
    const carried = fleet.fleet.devices.map((id) => memoNames(id, pinnedTo));
    return (await Promise.all(carried)).every(Boolean);
  });
  ranBefore = runningOn(beforeLoss);
});

test("put back in the hub's place it takes in what the devices know, is paused, and shows it", async () => {
  await processes.stopHub();
  await rename(join(fleet.data, "hub"), join(fleet.data, "lost"));
  // Nobody can tell the hub that is down.
  const missed = commitValue("TASK", "missed").catch(() => undefined);
  const { stderr } = await run("restore", file(), "--data", join(fleet.data, "hub"));
  assert.match(stderr, /^Restored: 3 devices as of /m);
  await missed;
  processes.startHub();
  await fleet.fleet.hub.ready(AbortSignal.timeout(120_000));
  const back = await fleet.until("the devices' generations", async () => {
    const devices = await shown();
    const isTold = devices.every(({ connection }) => connection === "Online");
    const known = JSON.stringify(generationsOf(devices));
    return isTold && known === JSON.stringify(generationsOf(beforeLoss)) && devices;
  });
  for (const { id, notices } of back) {
    assert.equal(notices[0]?.kind, "pause", id);
  }
  const { paused, cause } = await fleet.api<{ paused: boolean; cause: string }>("/v1/fleet/pause");
  assert.deepEqual([paused, cause], [true, "restored"]);
  const page = await fetch(new URL("/", fleet.fleet.url), await signedIn());
  assert.match(await page.text(), /restored from a backup of/);
  const listed = await run("get", "devices");
  assert.match(listed.stderr, /^The fleet is paused: the hub was restored from a backup of /m);
  assert.match((await run("resume")).stderr, /^3 of 3 known devices have spoken since\.$/m);
});

async function signedIn(): Promise<RequestInit> {
  const headers = { authorization: `Bearer ${fleet.token}` };
  const made = await fetch(new URL("/v1/sign-in-codes", fleet.fleet.url), {
    ...{ method: "POST", headers },
  });
  const { path } = (await made.json()) as { path: string };
  const entered = await fetch(new URL(path, fleet.fleet.url), { redirect: "manual" });
  const cookie = entered.headers.getSetCookie().map((one) => one.split(";")[0]);
  return { headers: { cookie: cookie.join("; ") } };
}

test("asks nothing of any device while it is paused, also when it hears of another commit", async () => {
  await accepted(await fleet.git("rev-parse", "HEAD"));
  await clock.sleep(quietMs);
  const now = await shown();
  assert.deepEqual(generationsOf(now), generationsOf(beforeLoss));
  assert.deepEqual(runningOn(now), ranBefore);
});

test("resumed by a word the devices follow Git again, under higher generations, and the pin holds", async () => {
  await run("resume", "--reason", "all are back");
  const head = await fleet.git("rev-parse", "HEAD");
  const after = await converged(head, (id) => id === pinned());
  const others = (devices: TestDevice[]) => devices.filter(({ id }) => id !== pinned());
  assertHigher(others(after), beforeLoss);
  const kept = after.find(({ id }) => id === pinned());
  assert.equal(kept?.apps.find(({ name }) => name === "robots")?.current?.commit, pinnedTo);
  const { items } = await fleet.api<{ items: { id: number }[] }>("/v1/pins");
  await run("unpin", String(items[0]?.id), "--reason", "over");
  assertHigher(await converged(head), beforeLoss);
  assert.deepEqual(await pauseNotices(), []);
});

async function pauseNotices(): Promise<Notice[]> {
  return (await shown()).flatMap(({ notices }) => notices.filter(({ kind }) => kind === "pause"));
}
