import * as assert from "node:assert/strict";
import type { DeviceSummary, DeviceView } from "#hub/api/device_view.ts";
import type { ListOf } from "#hub/api/schema.ts";
import type { BranchSnapshot } from "#hub/release/model.ts";
import { parseSelector } from "#shared/selector.ts";
import { suite } from "#test/suite.ts";
import { addDevice, appReport, commitOf, digestOf, releaseRow, revision } from "./fixtures.ts";
import { asOperator, createWorld, startMs, type World } from "./world.ts";

const test = suite("lists and items");
let world: World;

const failure = { code: "unhealthy", message: "web answered 500", at: startMs };

test.before(async () => {
  world = await createWorld();
  for (let n = 1; n <= 7; n += 1) {
    const site = n <= 4 ? "north" : "south";
    await addDevice(world, `pi-${n}`, { labels: { site, role: n === 1 ? "robot" : "player" } });
  }
  await addDevice(world, "pi-8", {
    labels: { site: "south" },
    offline: true,
    apps: [appReport("web", { sync: "OutOfSync", target: revision("second"), failure })],
  });
});
test.after(() => world.close());

async function read<T>(path: string): Promise<T> {
  const response = await world.get(path, asOperator);
  assert.equal(response.status, 200, `${path}: ${response.status}`);
  return (await response.json()) as T;
}

const ids = (list: ListOf<DeviceSummary>): string[] => list.items.map(({ id }) => id);

async function walk(path: string): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: ListOf<DeviceSummary> = await read(`${path}${from}`);
    pages.push(ids(page));
    cursor = page.next;
  } while (cursor !== null);
  return pages;
}

test("devices come page by page, each once, in either order", async () => {
  const all = Array.from({ length: 8 }, (_, index) => `pi-${index + 1}`);
  const up = await walk("/v1/devices?limit=3");
  assert.deepEqual(up, [all.slice(0, 3), all.slice(3, 6), all.slice(6)]);
  const down = await walk("/v1/devices?limit=5&order=desc");
  assert.deepEqual(down.flat(), all.toReversed());
  const bySeen = await walk("/v1/devices?limit=3&sort=lastSeen");
  assert.deepEqual(bySeen.flat().toSorted(), all);
  assert.equal(bySeen.flat()[0], "pi-8");
});

for (const [query, expected] of [
  ["labelSelector=site%3Dsouth", ["pi-5", "pi-6", "pi-7", "pi-8"]],
  ["labelSelector=site%20in%20(north),role!%3Dplayer", ["pi-1"]],
  ["labelSelector=!role", ["pi-8"]],
  ["connection=Offline", ["pi-8"]],
  ["sync=OutOfSync", ["pi-8"]],
  ["health=Healthy&labelSelector=role%3Drobot", ["pi-1"]],
  ["health=Missing", []],
] as const) {
  test(`devices?${query} lists ${expected.join(", ") || "nothing"}`, async () => {
    assert.deepEqual(ids(await read(`/v1/devices?${query}`)), expected);
  });
}

test("a listed device tells the exact commit, the step and the reason", async () => {
  const { items } = await read<ListOf<DeviceSummary>>("/v1/devices?sync=OutOfSync");
  const app = items[0]?.apps[0];
  assert.equal(app?.current?.commit, commitOf("first"));
  assert.equal(app?.target?.commit, commitOf("second"));
  assert.equal(app?.failure?.message, "web answered 500");
});

test("a device in full has what is wanted, what is reported and its conditions", async () => {
  const device = await read<DeviceView>("/v1/devices/pi-1");
  assert.equal(device.desired?.generation, 1);
  assert.equal(device.desired?.apps[0]?.commit, commitOf("first"));
  assert.equal(device.reported?.host.model, "Raspberry Pi 5 Model B");
  assert.equal(device.conditions[0]?.reason, "AllAppsSynced");
});

for (const path of [
  "/v1/devices",
  "/v1/devices/pi-1",
  "/v1/devices/pi-1/events",
  "/v1/devices/pi-1/journal",
  "/v1/devices/pi-1/updates",
  "/v1/fleet",
  "/v1/sites",
  "/v1/deployments",
  "/v1/releases",
  "/v1/events",
  "/v1/prometheus/targets",
  "/openapi.json",
]) {
  test(`${path} has a strong tag and answers 304 to it`, async () => {
    const first = await world.get(path, asOperator);
    const tag = first.headers.get("etag") ?? "";
    assert.match(tag, /^"[0-9a-f]{32}"$/);
    const again = await world.get(path, { ...asOperator, "If-None-Match": `"other", W/${tag}` });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), "");
    assert.equal(again.headers.get("etag"), tag);
    const other = await world.get(path, { ...asOperator, "If-None-Match": '"other"' });
    assert.equal(other.status, 200);
  });
}

test("a device's tag changes with the device", async () => {
  const tag = (await world.get("/v1/devices/pi-2", asOperator)).headers.get("etag") ?? "";
  await world.store.changeDevices([{ id: "pi-2" as DeviceView["id"], health: "Degraded" }]);
  const again = await world.get("/v1/devices/pi-2", { ...asOperator, "If-None-Match": tag });
  assert.equal(again.status, 200);
});

test("HEAD answers like GET without a body", async () => {
  const response = await world.app.request("/v1/fleet", { method: "HEAD", headers: asOperator });
  assert.equal(response.status, 200);
  assert.ok(response.headers.get("etag"));
  assert.equal(await response.text(), "");
});

test("the fleet tells totals and why a branch is refused", async () => {
  const refusal = "fleet.yaml:3: deployments: must not be empty";
  const branch = { branch: "main", head: commitOf("bad"), accepted: commitOf("first"), refusal };
  await world.store.saveBranch({ ...branch, checkedAt: startMs });
  const fleet = await read<{ devices: number; sync: object; branches: object[] }>("/v1/fleet");
  assert.equal(fleet.devices, 8);
  assert.deepEqual(fleet.sync, { Synced: 7, OutOfSync: 1, Unknown: 0 });
  assert.deepEqual(fleet.branches, [{ ...branch, checkedAt: startMs }]);
});

test("sites have totals of their own", async () => {
  const { items } = await read<ListOf<{ site: string; devices: number }>>("/v1/sites");
  const totals = items.map(({ site, devices }) => [site, devices]);
  assert.deepEqual(totals, [
    ["north", 4],
    ["south", 4],
  ]);
});

test("deployments tell their selector, commit and release", async () => {
  world.branches["main"] = {
    branch: "main",
    commit: commitOf("first"),
    values: {},
    deployments: [
      {
        name: "web" as BranchSnapshot["deployments"][number]["name"],
        selector: parseSelector("site in (north, south),role!=robot,!retired,role"),
        role: "web",
        branch: "main",
        values: { PORT: "80" },
      },
    ],
    sites: {},
    devices: {},
    roles: {
      web: {
        role: "web",
        digest: digestOf("first"),
        size: 1,
        values: {},
        policy: { gracePeriodMs: 1000, stableMs: 0 },
        rules: { maxHoldMs: 0 },
      },
    },
  };
  const { items } =
    await read<ListOf<{ labelSelector: string; digest: string }>>("/v1/deployments");
  const [web] = items;
  assert.equal(web?.labelSelector, "site in (north, south),role!=robot,!retired,role");
  assert.equal(web?.digest, digestOf("first"));
});

test("deployments count their devices, with one look-up for each different selector", async () => {
  const main = world.branches["main"];
  const [web] = main?.deployments ?? [];
  assert.ok(main !== undefined && web !== undefined);
  const named = (name: string, selector: string) => ({
    ...web,
    name: name as typeof web.name,
    selector: parseSelector(selector),
  });
  const before = main.deployments;
  main.deployments = [named("a", "site=south"), named("b", "site=south"), named("c", "site=east")];
  const read0 = world.store.stats().statements;
  const { items } = await read<ListOf<{ devices: object }>>("/v1/deployments");
  assert.equal(world.store.stats().statements - read0, 2);
  const south = { matching: 4, synced: 3, healthy: 4 };
  const none = { matching: 0, synced: 0, healthy: 0 };
  assert.deepEqual(
    items.map(({ devices }) => devices),
    [south, south, none],
  );
  main.deployments = before;
});

test("releases are listed newest first and found by digest", async () => {
  await world.store.saveRelease(releaseRow("first", startMs));
  await world.store.saveRelease(releaseRow("second", startMs + 1));
  const page = await read<ListOf<{ digest: string }>>("/v1/releases?limit=1&role=web");
  assert.equal(page.items[0]?.digest, digestOf("second"));
  assert.notEqual(page.next, null);
  const release = await read<{ commits: { subject: string }[] }>(
    `/v1/releases/${digestOf("first")}`,
  );
  assert.equal(release.commits[0]?.subject, "release first");
  const unknown = await world.get(`/v1/releases/${digestOf("no")}`, asOperator);
  assert.equal(unknown.status, 404);
});
