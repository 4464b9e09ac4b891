// Pins on real Git and the real store: which release their devices are told, and what becomes of it at the end.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { NewEvent } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import { AppName, DeviceId } from "#shared/ids.ts";
import { begun, digestOf, release, robots, settle } from "#test/hub/rollout/bench.ts";
import { suite } from "#test/suite.ts";
import { type HubBench, type RunningHub, withHub } from "#test/support/hub.ts";

const test = suite("hub/control: pins", { limitMs: 240_000 });
const deployment = AppName.parse("robots");
const by = { operator: "ada", reason: "the fair" };
const all = robots(4);
const first = DeviceId.parse("pi-000");

/** The version that each device is told to run, in order. */
function told(hub: RunningHub, digests: readonly string[]): string {
  return all
    .map(({ id }) => hub.broker.last(id)?.apps[0]?.release.digest ?? "")
    .map((digest) => digests.indexOf(digest) + 1)
    .join("");
}

async function withVersions(
  policy: object | undefined,
  body: (bench: HubBench, hub: RunningHub, digests: string[]) => Promise<void>,
): Promise<void> {
  await withHub(async (bench) => {
    const { hub, digests } = await begun(bench, policy, all);
    await body(bench, hub, digests);
  });
}

async function reasons(hub: RunningHub): Promise<string[]> {
  const told = await hub.events();
  return told.map(({ reason }) => reason).filter((reason) => /Pin|Unpin/.test(reason));
}

test("a pinned deployment keeps its release over new commits, and follows at once when it is unpinned", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    const pin = await hub.control.pin({ deployment, to: digests[0] ?? "", ...by });
    await release(bench, hub, digests, 2);
    assert.equal(told(hub, digests), "1111");
    await hub.control.unpin(pin.id, { operator: "bob", reason: "over" });
    assert.equal(told(hub, digests), "2222");
    assert.deepEqual(await reasons(hub), ["Pinned", "Unpinned"]);
    await assert.rejects(hub.control.unpin(pin.id, by), { code: "not_found" });
  }));

test("a pin goes back to an older commit with its values; the nearest of several pins counts", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    const old = bench.repository.git("rev-parse", "HEAD");
    await release(bench, hub, digests, 2);
    await release(bench, hub, digests, 3);
    await hub.control.pin({ deployment, labelSelector: "site in (berlin)", to: old, ...by });
    assert.equal(told(hub, digests), "1331");
    const own = await hub.control.pin({ device: first, to: digests[1]?.slice(0, 9) ?? "", ...by });
    assert.deepEqual([own.deployment, own.digest], [deployment, digests[1]]);
    await hub.control.pin({ deployment, to: digests[2] ?? "", ...by });
    assert.equal(told(hub, digests), "2331");
  }));

test("a pin ends by itself in its time, also when the hub was down then", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    await release(bench, hub, digests, 2);
    const to = digests[0] ?? "";
    await hub.control.pin({ deployment, to, ...by, until: Date.now() + 3000 });
    assert.equal(told(hub, digests), "1111");
    for (let tries = 0; told(hub, digests) !== "2222" && tries < 600; tries += 1) await sleep(100);
    assert.equal(told(hub, digests), "2222");
    await hub.control.pin({ deployment, to, ...by, until: Date.now() + 300 });
    await hub.stop();
    await sleep(400);
    const again = await bench.start();
    assert.deepEqual(again.pins.rows(), []);
    assert.equal(told(again, digests), "2222");
    assert.deepEqual(await reasons(again), ["Pinned", "PinEnded", "Pinned", "PinEnded"]);
  }));

test("what a fault of the store kept from the devices is owed to them", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    const pin = await hub.control.pin({ deployment, to: digests[0] ?? "", ...by });
    await release(bench, hub, digests, 2);
    const { allDevices } = hub.store;
    hub.store.allDevices = () =>
      Promise.reject(new FleetError("store_unavailable", { message: "it is busy" }));
    await assert.rejects(hub.control.unpin(pin.id, by), { code: "store_unavailable" });
    hub.store.allDevices = allDevices;
    assert.deepEqual(hub.control.pins(), []);
    assert.equal(told(hub, digests), "1111");
    await hub.control.reload();
    assert.equal(told(hub, digests), "2222");
  }));

test("a pin without its source waits for the fleet before it is looked up in Git", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    const commit = bench.repository.git("rev-parse", "HEAD");
    const digest = (digests[0] ?? "") as never;
    const pin = { ...by, deployment, branch: "main", commit, role: "robot", digest, at: 1 };
    await hub.store.addPin({ pin, source: null }, () => ({ ...lost, at: 1 }));
    const { snapshot } = hub.releases;
    hub.releases.snapshot = () => undefined;
    await hub.control.reload();
    assert.equal((await hub.store.pins())[0]?.source, null);
    hub.releases.snapshot = snapshot;
    await hub.control.reload();
    assert.notEqual((await hub.store.pins())[0]?.source, null);
  }));

test("a pin holds over a restart and over the loss of its commit", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    const kept = bench.repository.git("rev-parse", "HEAD");
    await release(bench, hub, digests, 2);
    await hub.control.pin({ device: first, to: kept, ...by });
    await hub.stop();
    bench.repository.git("checkout", "--quiet", "--orphan", "other");
    bench.repository.git("commit", "--quiet", "-m", "a new history");
    bench.repository.git("branch", "-M", "main");
    const again = await bench.start();
    await again.sync();
    assert.equal(digestOf(again), digests[1]);
    assert.equal(told(again, digests), "1222");
  }));

test("a rollout neither waits for a pinned device nor gives it the release before the pin ends", () =>
  withVersions({ steps: [{ count: 1 }, {}], deadlineMinutes: 5 }, async (bench, hub, digests) => {
    const pin = await hub.control.pin({ device: first, to: digests[0] ?? "", ...by });
    await release(bench, hub, digests, 2);
    await settle(hub, all);
    assert.equal(told(hub, digests), "1222");
    const [row] = (await hub.store.rollouts({ limit: 1 })).rows;
    assert.equal(row?.head.state, "Promoted");
    await hub.control.unpin(pin.id, by);
    await settle(hub, all);
    assert.equal(told(hub, digests), "2222");
    const states = (await hub.store.rolloutMembers(row?.id ?? 0)).map(({ member }) => member.state);
    assert.deepEqual(new Set(states), new Set(["Succeeded"]));
  }));

test("what cannot be pinned is refused with the next step, and nothing is kept", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    const to = digests[0] ?? "";
    const nowhere = AppName.parse("nowhere");
    await assert.rejects(hub.control.pin({ deployment: nowhere, to, ...by }), {
      code: "not_found",
    });
    const stranger = DeviceId.parse("stranger");
    await assert.rejects(hub.control.pin({ device: stranger, to, ...by }), { code: "not_found" });
    await assert.rejects(hub.control.pin({ to, ...by }), { code: "request_invalid" });
    await assert.rejects(hub.control.pin({ deployment, to: "abcdef0", ...by }), {
      code: "not_found",
    });
    await assert.rejects(hub.control.pin({ deployment, to, ...by, until: 1 }), {
      code: "request_invalid",
    });
    const broken = bench.repository.commit({ "roles/robot/compose.yaml": "services: 1\n" });
    await hub.sync();
    await assert.rejects(hub.control.pin({ deployment, to: broken, ...by }), {
      code: "compose_invalid",
    });
    assert.deepEqual(await hub.store.pins(), []);
  }));

test("a second pin of the same scope replaces the first, and counts alone", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    await release(bench, hub, digests, 2);
    await hub.control.pin({ deployment, device: first, to: digests[1] ?? "", ...by });
    await hub.control.pin({ deployment, to: digests[0] ?? "", ...by });
    const again = await hub.control.pin({ deployment, to: digests[1] ?? "", ...by });
    assert.deepEqual(
      hub.control.pins().map(({ id }) => id),
      [1, again.id],
    );
    assert.equal(told(hub, digests), "2222");
  }));

test("a pin that came back without its source keeps what its devices have, and finds it in Git", () =>
  withVersions(undefined, async (bench, hub, digests) => {
    const commit = bench.repository.git("rev-parse", "HEAD");
    await release(bench, hub, digests, 2);
    const missing = { ...by, deployment, branch: "main", role: "robot", at: 1 };
    const digest = (digests[0] ?? "") as never;
    const eventOf = (): NewEvent => ({ ...lost, at: 1 });
    await hub.store.addPin(
      { pin: { ...missing, commit: "f".repeat(40), digest }, source: null },
      eventOf,
    );
    await hub.control.reload();
    await release(bench, hub, digests, 3);
    assert.equal(told(hub, digests), "2222");
    await hub.store.addPin({ pin: { ...missing, commit, digest }, source: null }, eventOf);
    await hub.control.reload();
    await hub.desired.reconcile();
    assert.equal(told(hub, digests), "1111");
  }));

const lost: Omit<NewEvent, "at"> = {
  ...{ device: null, app: null, source: "hub", type: "Normal" },
  ...{ reason: "Pinned", message: "it came back" },
};
