// What the pages say of pins, halts, orders and edits, without any script.
import assert from "node:assert/strict";
import { createPages } from "#hub/web/pages.ts";
import { addDevice, addRollout, commitOf, digestOf } from "#test/hub/api/fixtures.ts";
import { asOperator, createWorld, startMs, type World } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";

const test = suite("pages: banners");
let world: World;
let cookie = "";

test.before(async () => {
  world = await createWorld({ pages: createPages });
  cookie = `fleet_session=${world.sessions.open("admin")}`;
  await addDevice(world, "pi-1");
  await addDevice(world, "pi-2");
  const policy = { gracePeriodMs: 1000, stableMs: 0 };
  const web = { role: "web", digest: digestOf("old"), size: 1, values: {}, policy, rules: {} };
  const deployment = { name: "web", selector: [], role: "web", branch: "main", values: {} };
  const main = {
    ...{ branch: "main", commit: commitOf("old"), values: {}, sites: {}, devices: {} },
    ...{ deployments: [deployment], roles: { web } },
  } as never;
  world.branches["main"] = main;
  world.fleets.set(commitOf("old"), { defaultBranch: "main", branches: { main } });
});
test.after(() => world.close());

async function page(path: string): Promise<string> {
  return (await world.get(path, { Cookie: cookie })).text();
}

test("a page without anything ordered has no banner", async () => {
  assert.ok(!(await page("/")).includes('id="banners"'));
  assert.ok(!(await page("/devices/pi-1")).includes('id="banners"'));
});

test("a pin, its reason, its author and its end stand on its device and on the fleet's page", async () => {
  const wish = { device: "pi-1", to: commitOf("old"), reason: "the <fair>", until: startMs + 3e5 };
  assert.equal((await world.post("/v1/pins", wish, asOperator)).status, 201);
  for (const path of ["/", "/devices/pi-1"]) {
    const text = await page(path);
    assert.match(
      text,
      /<strong>Pinned<\/strong>: web on pi-1 is pinned to [^<]+\.<\/p>\n<p>Reason: <bdi>the &lt;fair&gt;</,
    );
    assert.match(text, /Ordered by <bdi>admin<.*Until <time datetime="2026-01-05T12:05:00Z">/);
  }
  assert.match(await page("/"), /pi-1<\/span><\/a>[^\n]*<p class="mark">pinned<\/p>/);
  assert.ok(!(await page("/devices/pi-2")).includes('id="banners"'));
});

test("a rollout that halted by itself leads to its page, and is no one's order", async () => {
  const id = await addRollout(world);
  const row = await world.store.rollout(id);
  assert.ok(row);
  await world.store.changeRollout({
    ...{ id, version: row.version, head: { ...row.head, state: "Halted" }, isQuarantined: true },
    ...{ suspects: [], marks: [], joined: [], events: [], now: startMs },
  });
  await world.rollouts.reload();
  const text = await page("/");
  assert.match(text, new RegExp(`<a href="/rollouts/${id}">Rollout halted</a>`));
  assert.match(text, /Rollout halted[\s\S]*?<p class="muted">Began <time/);
});

test("a halt of the fleet stands first, and a hold says who ordered it", async () => {
  await world.post("/v1/fleet/halt", { reason: "storm" }, asOperator);
  await world.app.request("/v1/devices/pi-2/mode", {
    method: "PUT",
    headers: { "Content-Type": "application/json", ...asOperator },
    body: JSON.stringify({ mode: "hold", reason: "wet paint" }),
  });
  const text = await page("/devices/pi-2");
  assert.match(
    text,
    /<strong>Fleet halted<\/strong>[\s\S]*storm[\s\S]*<strong>By order<\/strong>: it is on hold/,
  );
  assert.match(text, /wet paint<\/bdi><\/p><p class="muted">Ordered by <bdi>admin/);
});
