import * as assert from "node:assert/strict";
import { createPages } from "#hub/web/pages.ts";
import type { DeviceId } from "#shared/ids.ts";
import { addDevice, appReport, commitOf } from "#test/hub/api/fixtures.ts";
import { createWorld, operatorToken, startMs, type World } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";
import { addFleet, refusal } from "./fleet.ts";

const test = suite("pages without a browser");
let world: World;
test.before(async () => {
  world = await createWorld({ pages: createPages });
  await addFleet(world);
});
test.after(() => world.close());

const signedIn = () => ({ Cookie: `fleet_session=${world.sessions.open("admin")}` });

async function text(path: string): Promise<string> {
  const response = await world.get(path, signedIn());
  assert.equal(response.status, 200, path);
  return response.text();
}

test("a page leads who is not signed in to the sign-in page, and back afterwards", async () => {
  for (const [path, next] of [
    ["/", "/sign-in"],
    ["/devices/north-1", "/sign-in?next=%2Fdevices%2Fnorth-1"],
    ["/?sync=Synced", "/sign-in?next=%2F%3Fsync%3DSynced"],
  ] as const) {
    const response = await world.get(path);
    assert.equal(response.status, 303, path);
    assert.equal(response.headers.get("location"), next);
  }
  const script = await world.get("/", { "X-Fragment": "main" });
  assert.equal(script.status, 401);
});

function submit(path: string, fields: Record<string, string>, origin = "http://localhost") {
  return world.app.request(path, {
    method: "POST",
    headers: { Origin: origin, "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(fields).toString(),
  });
}

test("a token becomes a cookie that scripts and other sites cannot use", async () => {
  const response = await submit("/sign-in?next=%2Fdevices%2Fnorth-1", { token: operatorToken });
  assert.equal(response.status, 303);
  assert.equal(response.headers.get("location"), "/devices/north-1");
  const cookie = response.headers.get("set-cookie") ?? "";
  assert.match(cookie, /^fleet_session=[A-Za-z0-9_-]{43};/);
  for (const part of ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"]) {
    assert.ok(cookie.includes(part), part);
  }
  assert.ok(!cookie.includes("Secure"));
  assert.ok(!cookie.includes(operatorToken));
  const page = await world.get("/", { Cookie: cookie.split(";")[0] ?? "" });
  assert.equal(page.status, 200);
});

test("over TLS the cookie is Secure", async () => {
  const response = await world.app.request("https://hub.example/sign-in", {
    method: "POST",
    headers: { Origin: "https://hub.example" },
    body: new URLSearchParams({ token: operatorToken }),
  });
  assert.match(response.headers.get("set-cookie") ?? "", /; Secure/);
});

test("a form of another site signs nobody in or out", async () => {
  for (const origin of ["https://evil.example", "null"]) {
    const entry = await submit("/sign-in", { token: operatorToken }, origin);
    assert.deepEqual([entry.status, entry.headers.get("set-cookie")], [403, null]);
    assert.equal((await submit("/sign-out", {}, origin)).status, 403);
  }
});

test("after signing in nobody is led to another site", async () => {
  for (const next of [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "javascript:x",
  ]) {
    const path = `/sign-in?next=${encodeURIComponent(next)}`;
    const response = await submit(path, { token: operatorToken });
    const location = response.headers.get("location") ?? "";
    assert.ok(location.startsWith("/") && !location.startsWith("//"), `${next} -> ${location}`);
    assert.equal(new URL(location, "http://hub.test").host, "hub.test", next);
  }
});

test("a wrong token is told so, and guessing is slowed down", async () => {
  const wrong = await submit("/sign-in", { token: "wrong" });
  assert.equal(wrong.status, 401);
  assert.match(await wrong.text(), /knows no such token/);
  let last = 0;
  for (let n = 0; n < 12; n += 1) last = (await submit("/sign-in", { token: "wrong" })).status;
  assert.equal(last, 429);
  world.clock.advance(90_000);
  assert.equal((await submit("/sign-in", { token: operatorToken })).status, 303);
});

test("a code signs in once, by a page that moves on", async () => {
  const { code } = world.sessions.issueCode("admin");
  const first = await world.get(`/sign-in?code=${code}`);
  assert.equal(first.status, 200);
  assert.match(await first.text(), /http-equiv="refresh" content="0; url=\/"/);
  const cookie = (first.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  assert.equal((await world.get("/", { Cookie: cookie })).status, 200);
  const second = await world.get(`/sign-in?code=${code}`);
  assert.deepEqual([second.status, second.headers.get("set-cookie")], [401, null]);
});

test("signing out ends the session on the hub too", async () => {
  const headers = signedIn();
  const response = await world.app.request("/sign-out", {
    method: "POST",
    headers: { ...headers, Origin: "http://localhost" },
  });
  assert.equal(response.headers.get("location"), "/sign-in");
  assert.match(response.headers.get("set-cookie") ?? "", /Max-Age=0/);
  assert.equal((await world.get("/", headers)).status, 303);
});

test("every page has the strict policy and holds no inline script or style", async () => {
  for (const path of ["/", "/devices/south-1", "/sign-in", "/docs"]) {
    const headers = path === "/sign-in" ? {} : signedIn();
    const response = await world.get(path, headers);
    assert.equal(
      response.headers.get("content-security-policy"),
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    const page = await response.text();
    assert.doesNotMatch(page, /<style|<script(?! src=)|\sstyle=|\son[a-z]+=|javascript:/i);
    assert.doesNotMatch(page, /(?:src|href)="(?:https?:)?\/\//);
  }
});

test("files are named by their content and kept for a year; other names are unknown", async () => {
  const page = await text("/");
  const urls = [...page.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, url]) => url ?? "");
  assert.equal(new Set(urls).size, 3);
  for (const url of urls) {
    assert.match(url, /\.[0-9a-f]{16}\.(css|js|svg)$/);
    const response = await world.get(url);
    assert.match(response.headers.get("cache-control") ?? "", /max-age=31536000, immutable/);
    assert.doesNotMatch(response.headers.get("content-type") ?? "", /html/);
  }
  for (const path of ["/assets/page.css", "/assets/..%2Fpages.ts", "/assets/x"]) {
    assert.equal((await world.get(path)).status, 404, path);
  }
});

test("the fleet page tells the refusal, the exact commit, the step and the reason", async () => {
  const page = await text("/");
  for (const part of [
    refusal,
    `title="${commitOf("first")}"`,
    commitOf("first").slice(0, 7),
    "OutOfSync",
    "answered 500",
    "43 %",
    "as last reported",
    "has not reported yet",
  ]) {
    assert.ok(page.includes(part), part);
  }
});

test("the device page tells services, instances, conditions, updates and events", async () => {
  world.bus.emit("membership", "south-1" as DeviceId);
  await world.runs.settle();
  const page = await text("/devices/south-1");
  for (const part of [
    "NeedsIntervention",
    "Raspberry Pi 5 Model B",
    "registry.local/server:1.4",
    "1 of 1",
    "AllAppsSynced",
    "Rolled back",
    "rollBack",
    "ReleaseQuarantined",
    "54 °C",
  ]) {
    assert.ok(page.includes(part), part);
  }
});

test("what devices report is text and never markup", async () => {
  const attack = '<img src=x onerror="alert(1)"><script>alert(2)</script>';
  const failure = { code: "unhealthy", message: attack, hint: attack, at: startMs };
  await addDevice(world, "evil", { apps: [appReport("web", { failure, step: attack })] });
  await world.store.saveBranch({
    branch: '"><script>alert(3)</script>',
    head: attack,
    accepted: null,
    refusal: attack,
    checkedAt: startMs,
  });
  for (const path of ["/", "/devices/evil"]) {
    const page = await text(path);
    assert.ok(page.includes("&lt;img src=x"), path);
    assert.doesNotMatch(page, /<img src=x|<script>/);
  }
});

test("the filter form works by address alone and keeps what was chosen", async () => {
  const page = await text("/?labelSelector=site%3Dsouth&sync=OutOfSync&health=&connection=");
  assert.ok(page.includes("/devices/south-1") && page.includes("/devices/south-2"));
  assert.ok(!page.includes("/devices/north-1"));
  assert.ok(page.includes('value="site=south"'));
  assert.match(page, /<option selected>OutOfSync/);
  assert.match(await text("/?connection=Offline&health=Progressing"), /No device matches/);
});

test("a wrong filter is told and the whole fleet is shown", async () => {
  for (const query of ["labelSelector=site+in+south", "sync=Wrong", "cursor=nonsense"]) {
    const page = await text(`/?${query}`);
    assert.match(page, /The filter was left aside/, query);
    assert.ok(page.includes("/devices/north-1"), query);
  }
});

test("many devices come fifty to a page, and the filter goes along", async () => {
  for (let n = 100; n < 160; n += 1) {
    await addDevice(world, `many-${n}`, { labels: { site: "big" } });
  }
  const first = await text("/?labelSelector=site%3Dbig");
  assert.equal(first.match(/href="\/devices\/many-/g)?.length, 50);
  const next = /rel="next" href="([^"]+)"/.exec(first)?.[1]?.replaceAll("&amp;", "&");
  assert.match(next ?? "", /labelSelector=site%3Dbig&cursor=/);
  const second = await text(next ?? "");
  assert.equal(second.match(/href="\/devices\/many-/g)?.length, 10);
  assert.ok(second.includes("First page") && !second.includes('rel="next"'));
});

test("a page past the last device does not say that there is none", async () => {
  const first = await text("/?labelSelector=site%3Dbig");
  const next = /rel="next" href="([^"]+)"/.exec(first)?.[1]?.replaceAll("&amp;", "&") ?? "";
  const cursor = new URLSearchParams(next.split("?")[1]).get("cursor") ?? "";
  const last = Buffer.from(cursor, "base64url")
    .toString()
    .replace(/many-\d+/, "zzz");
  const page = await text(`/?cursor=${Buffer.from(last).toString("base64url")}`);
  assert.match(page, /No device comes after these/);
  assert.doesNotMatch(page, /No device is enrolled/);
});

test("a page names the room it is in, and without a script says of when it is", async () => {
  for (const [path, room] of [
    ["/", "Fleet"],
    ["/devices/south-1", "Fleet"],
    ["/rollouts", "Rollouts"],
    ["/docs", "API"],
  ] as const) {
    assert.match(await text(path), new RegExp(`aria-current="[a-z]+">${room}<`), path);
  }
  assert.match(await text("/?sync=Synced"), /<noscript>.*As of <time.*href="\/\?sync=Synced">Read/);
});

test("what an offline device said is called its last word", async () => {
  assert.match(await text("/devices/west-1"), /Nobody hears this device now.*6\d min ago/);
  assert.doesNotMatch(await text("/devices/south-1"), /Nobody hears/);
});

test("a part is the page's main element alone", async () => {
  const response = await world.get("/", { ...signedIn(), "X-Fragment": "main" });
  const part = await response.text();
  assert.ok(part.startsWith('<main id="main"') && part.endsWith("</main>"));
});

test("an unknown address or device is a page for a browser, a problem for a program", async () => {
  const asBrowser = { ...signedIn(), Accept: "text/html" };
  for (const path of ["/nothing", "/devices/ghost"]) {
    const response = await world.get(path, asBrowser);
    assert.equal(response.status, 404);
    assert.match(response.headers.get("content-type") ?? "", /text\/html/);
  }
  const program = await world.get("/nothing");
  assert.equal(program.headers.get("content-type"), "application/problem+json");
});

test("the reference shows every route, every schema and every problem code", async () => {
  const page = await (await world.get("/docs")).text();
  const document = (await (await world.get("/openapi.json")).json()) as {
    paths: Record<string, Record<string, { operationId: string }>>;
    components: { schemas: Record<string, object> };
  };
  for (const methods of Object.values(document.paths)) {
    for (const { operationId } of Object.values(methods)) {
      assert.ok(page.includes(`id="${operationId}"`), operationId);
    }
  }
  for (const name of Object.keys(document.components.schemas)) {
    assert.ok(page.includes(`id="schema-${name}"`), name);
  }
  assert.ok(page.includes('id="problem-not_found"'));
});
