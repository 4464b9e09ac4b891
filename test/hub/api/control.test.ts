// Pins and overrides by the API: what is taken, what is refused, and what is then shown everywhere.
import assert from "node:assert/strict";
import type { DeviceView } from "#hub/api/device_view.ts";
import type { OverridesView } from "#hub/api/overrides.ts";
import type { PinView } from "#hub/api/pins.ts";
import type { Notice } from "#hub/control/notices.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import { suite } from "#test/suite.ts";
import { addDevice, addRollout, commitOf, digestOf } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, startMs, type World } from "./world.ts";

const test = suite("pins and overrides by the API");
const reason = "the fair";
let world: World;

function fleetAt(version: "first" | "second"): FleetSnapshot {
  const policy = { gracePeriodMs: 1000, stableMs: 0 };
  const release = { digest: digestOf(version), size: 1, values: {}, policy, rules: {} };
  const deployment = { name: "robots", selector: [], role: "robot", branch: "main", values: {} };
  const main = {
    ...{ branch: "main", commit: commitOf(version), values: {}, sites: {}, devices: {} },
    deployments: [deployment],
    roles: { robot: { role: "robot", ...release } },
  };
  return { defaultBranch: "main", branches: { main } } as never;
}

test.before(async () => {
  world = await createWorld();
  await addDevice(world, "pi-1", { labels: { site: "north" } });
  await addDevice(world, "pi-2", { labels: { site: "south" } });
  world.fleets.set(commitOf("first"), fleetAt("first"));
  Object.assign(world.branches, fleetAt("second").branches);
});
test.after(() => world.close());

async function get<T>(path: string): Promise<T> {
  const response = await world.get(path, asOperator);
  assert.equal(response.status, 200, path);
  return (await response.json()) as T;
}
const send = async (method: string, path: string, body?: unknown): Promise<Response> =>
  world.app.request(path, {
    method,
    headers: { "Content-Type": "application/json", ...asOperator },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
const pins = async (): Promise<PinView[]> => (await get<{ items: PinView[] }>("/v1/pins")).items;
const noticesOf = async (path: string): Promise<string[]> =>
  (await get<{ notices: Notice[] }>(path)).notices.map(({ kind }) => kind);

test("a pin is listed with who, why and its end, and stands on its devices and on the fleet", async () => {
  const until = startMs + 60_000;
  const wish = { deployment: "robots", labelSelector: "site=north", to: commitOf("first") };
  const answer = await send("POST", "/v1/pins", { ...wish, reason, until });
  assert.equal(answer.status, 201);
  const [pin] = await pins();
  assert.deepEqual(pin, await answer.json());
  assert.deepEqual(
    [pin?.id, pin?.kind, pin?.digest, pin?.operator, pin?.reason, pin?.until, pin?.labelSelector],
    ["1", "pin", digestOf("first"), "admin", reason, until, "site=north"],
  );
  assert.deepEqual(await noticesOf("/v1/devices/pi-1"), ["pin"]);
  assert.deepEqual(await noticesOf("/v1/devices/pi-2"), []);
  assert.deepEqual(await noticesOf("/v1/fleet"), ["pin"]);
  assert.equal((await send("DELETE", "/v1/pins/1")).status, 400);
  assert.equal((await send("DELETE", "/v1/pins/1?reason=over")).status, 204);
  assert.equal((await send("DELETE", "/v1/pins/1?reason=over")).status, 404);
  assert.deepEqual([await pins(), await noticesOf("/v1/devices/pi-1")], [[], []]);
});

test("a pin that says nothing or two things is refused by field, and a device may order none", async () => {
  const wish = { deployment: "robots", to: commitOf("first"), reason };
  const bad = [
    { ...wish, reason: " " },
    { ...wish, to: "HEAD" },
    { ...wish, device: "pi-1", labelSelector: "a=b" },
    { ...wish, labelSelector: "a b c" },
    { ...wish, until: startMs - 1 },
    { ...wish, until: 9_000_000_000_000_000 },
    { to: wish.to, reason },
  ];
  for (const body of bad) assert.equal((await send("POST", "/v1/pins", body)).status, 400);
  const unknown = await send("POST", "/v1/pins", { ...wish, deployment: "no" });
  assert.equal(unknown.status, 404);
  assert.equal((await world.post("/v1/pins", wish, asDevice("pi-1"))).status, 401);
  assert.deepEqual(await pins(), []);
});

test("an undone rollout stands among the pins, says when it ends, and is not removed as one", async () => {
  const id = await addRollout(world);
  await send("POST", `/v1/rollouts/${id}/undo`, { reason: "it smokes" });
  const [pin] = await pins();
  assert.deepEqual([pin?.id, pin?.kind, pin?.reason], [`undo-${id}`, "undo", "it smokes"]);
  const refused = await send("DELETE", `/v1/pins/undo-${id}?reason=x`);
  assert.equal(refused.status, 409);
  assert.match(((await refused.json()) as { hint: string }).hint, /fleet rollout resume/);
  const { notices } = await get<DeviceView>("/v1/devices/pi-1");
  assert.match(notices[0]?.endsWhen ?? "", /Git no longer asks/);
});

test("an override that changes nothing is no event", async () => {
  const path = "/v1/devices/pi-2/overrides";
  assert.equal((await send("PATCH", path, { reason })).status, 200);
  assert.equal((await send("DELETE", `${path}?reason=over`)).status, 200);
  assert.deepEqual((await world.store.events({ reason: "DeviceEdited", limit: 5 })).rows, []);
});

test("labels and values of one device are laid over its files, each with who, why and when", async () => {
  const path = "/v1/devices/pi-2/overrides";
  const wish = { labels: { site: "east", role: null }, values: { LEVEL: "debug" }, reason };
  assert.equal((await send("PATCH", path, wish)).status, 200);
  const stamp = { operator: "admin", reason, at: startMs };
  const { overrides } = await get<OverridesView>(path);
  assert.deepEqual(overrides, {
    labels: { site: { value: "east", ...stamp }, role: { value: null, ...stamp } },
    values: { LEVEL: { value: "debug", ...stamp } },
  });
  assert.ok((await noticesOf("/v1/devices/pi-2")).includes("edits"));
  const back = await send("PATCH", path, { reset: { labels: ["site"] }, reason: "back" });
  const after = (await back.json()) as OverridesView;
  assert.deepEqual(Object.keys(after.overrides.labels), ["role"]);
  const gone = (await (await send("DELETE", `${path}?reason=done`)).json()) as OverridesView;
  assert.deepEqual(gone.overrides, { labels: {}, values: {} });
  const { rows } = await world.store.events({ reason: "DeviceEdited", limit: 10 });
  assert.equal(rows.length, 3);
  assert.match(
    rows[2]?.message ?? "",
    /admin labelled it site=east, took the label role away, set/,
  );
});

test("overrides of what the hub sets, of no device, or without a reason are refused", async () => {
  const path = "/v1/devices/pi-2/overrides";
  for (const wish of [{ values: { FLEET_APP: "x" }, reason }, { values: { A: "1" } }]) {
    assert.equal((await send("PATCH", path, wish)).status, 400);
  }
  const unknown = await send("PATCH", "/v1/devices/pi-9/overrides", { values: { A: "1" }, reason });
  assert.equal(unknown.status, 404);
});

test("the mode stands in lists with who ordered it", async () => {
  await send("PUT", "/v1/devices/pi-1/mode", { mode: "hold", reason: "paint is wet" });
  const { items } = await get<{ items: DeviceView[] }>("/v1/devices?labelSelector=site=north");
  assert.equal(items[0]?.mode, "hold");
  const notice = items[0]?.notices.find(({ kind }) => kind === "mode");
  assert.deepEqual(
    [notice?.operator, notice?.reason, notice?.at],
    ["admin", "paint is wet", startMs],
  );
});

test("pins and notices come page by page, each once, undone rollouts first", async () => {
  for (let n = 0; n < 25; n += 1) {
    const wish = { deployment: "robots", labelSelector: `n=${n}`, to: commitOf("first"), reason };
    assert.equal((await send("POST", "/v1/pins", wish)).status, 201);
  }
  const walk = async <T>(path: string): Promise<T[][]> => {
    const pages: T[][] = [];
    for (let next: string | null = ""; next !== null; ) {
      const from: string = next === "" ? "" : `&cursor=${next}`;
      const page: { items: T[]; next: string | null } = await get(`${path}${from}`);
      pages.push(page.items);
      next = page.next;
    }
    return pages;
  };
  const all = await pins();
  const pages = await walk<PinView>("/v1/pins?limit=10&deployment=robots");
  assert.deepEqual(
    pages.map(({ length }) => length),
    [10, 10, 6],
  );
  assert.deepEqual(pages.flat(), all);
  assert.equal(all[0]?.kind, "undo");
  const numbers = all.slice(1).map((pin) => Number(pin.id));
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
  const notices = await walk<Notice>("/v1/notices?limit=10");
  assert.deepEqual(
    notices.flat().map(({ kind }) => kind),
    ["undo", ...numbers.map(() => "pin")],
  );
  const fleet = await get<{ notices: Notice[]; noticesTotal: number }>("/v1/fleet");
  assert.deepEqual([fleet.notices.length, fleet.noticesTotal], [20, 26]);
  for (const path of ["/v1/pins", "/v1/notices"]) {
    for (const query of ["limit=501", "limit=0", "cursor=nonsense", "cursor=WzEsMiwzXQ"]) {
      assert.equal((await world.get(`${path}?${query}`, asOperator)).status, 400, query);
    }
  }
});

test("text that UTF-8 cannot hold is refused before anything rests on it", async () => {
  const half = "\ud800";
  const edits = await send("PATCH", "/v1/devices/pi-2/overrides", { values: { A: half }, reason });
  assert.equal(edits.status, 400);
  const run = {
    device: "pi-2",
    plan: "reboot",
    request: "r-half",
    parameters: { A: half },
    reason,
  };
  assert.equal((await send("POST", "/v1/runs", run)).status, 400);
  const wish = { deployment: "robots", to: commitOf("first"), reason: half };
  assert.equal((await send("POST", "/v1/pins", wish)).status, 400);
});
