import * as assert from "node:assert/strict";
import type { Problem } from "#hub/api/problem.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { asOperator, createWorld, type World } from "./world.ts";

const test = suite("problems");
let world: World;
test.before(async () => {
  world = await createWorld();
});
test.after(() => world.close());

async function problemOf(response: Response): Promise<Problem> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = (await response.json()) as Problem;
  assert.equal(problem.status, response.status);
  assert.equal(problem.type, `/docs#problem-${problem.code}`);
  return problem;
}

test("what is logged of a failed request holds neither its query nor its credentials", async () => {
  const secret = "code-that-signs-in";
  const { counts } = world.store;
  world.store.counts = () => Promise.reject(new Error("planted"));
  await world.get(`/v1/fleet?code=${secret}`, { ...asOperator, Cookie: `fleet_session=${secret}` });
  world.store.counts = counts;
  const told = JSON.stringify(world.logged.splice(0));
  assert.match(told, /"path":"\/v1\/fleet"/);
  assert.doesNotMatch(told, new RegExp(`${secret}|${asOperator.Authorization}`));
});

test("an unknown path is a problem with a hint", async () => {
  const problem = await problemOf(await world.get("/v1/nothing"));
  assert.deepEqual([problem.status, problem.code], [404, "not_found"]);
  assert.equal(problem.instance, "/v1/nothing");
  assert.match(problem.hint ?? "", /docs/);
});

test("an unknown device is a problem that names it", async () => {
  for (const path of ["", "/events", "/journal", "/updates", "/desired"]) {
    const problem = await problemOf(await world.get(`/v1/devices/ghost${path}`, asOperator));
    assert.equal(problem.code, "not_found");
    assert.match(problem.detail, /"ghost"/);
  }
});

test("a wrong method is refused with the methods that are allowed", async () => {
  const response = await world.app.request("/v1/fleet", { method: "DELETE", headers: asOperator });
  const allow = response.headers.get("allow") ?? "";
  assert.deepEqual(allow.split(", ").sort(), ["GET", "HEAD"]);
  assert.equal((await problemOf(response)).code, "method_not_allowed");
});

for (const [query, field] of [
  ["limit=0", "query.limit"],
  ["limit=501", "query.limit"],
  ["limit=many", "query.limit"],
  ["sync=Wrong", "query.sync"],
  ["order=up", "query.order"],
] as const) {
  test(`a list refuses ${query} and names the field`, async () => {
    const problem = await problemOf(await world.get(`/v1/devices?${query}`, asOperator));
    assert.equal(problem.code, "request_invalid");
    assert.equal(problem.errors?.[0]?.field, field);
    assert.ok(problem.detail.startsWith(`${field}: `));
  });
}

test("a malformed selector and a foreign cursor are refused by name", async () => {
  const selector = await world.get("/v1/devices?labelSelector=site%20in%20north", asOperator);
  assert.match((await problemOf(selector)).detail, /site in north/);
  const cursor = await world.get("/v1/events?cursor=nonsense", asOperator);
  assert.match((await problemOf(cursor)).detail, /cursor/);
});

test("a body's wrong field is named by its path", async () => {
  const body = { token: "short", device: "UPPER", labels: {}, nonce: "n".repeat(16) };
  const problem = await problemOf(await world.post("/v1/enroll", body));
  assert.deepEqual(
    problem.errors?.map(({ field }) => field),
    ["body.token", "body.device"],
  );
});

test("a body that is not JSON is refused by its type and by its text", async () => {
  const text = { method: "POST", body: "a=b" };
  const typed = await world.app.request("/v1/enroll", {
    ...text,
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
  });
  assert.equal((await problemOf(typed)).status, 415);
  const headers = { "Content-Type": "application/json" };
  const broken = await world.app.request("/v1/enroll", { ...text, headers });
  assert.equal((await problemOf(broken)).status, 400);
});

test("a body above one MiB is refused, with or without its length", async () => {
  const body = JSON.stringify({ token: "x".repeat(1024 * 1024) });
  const headers = { "Content-Type": "application/json" };
  const whole = await world.app.request("/v1/enroll", { method: "POST", headers, body });
  assert.equal((await problemOf(whole)).code, "message_too_large");
  const stream = new Blob([body]).stream();
  const init = { method: "POST", headers, body: stream, duplex: "half" } as RequestInit;
  const streamed = await world.app.request(new Request("http://hub/v1/enroll", init));
  assert.equal(streamed.status, 413);
});

test("a failure inside is logged once and tells the caller nothing of it", async () => {
  const working = { ...world.store };
  world.store.counts = async () => {
    throw new TypeError("a secret detail");
  };
  const response = await world.get("/v1/fleet", asOperator);
  Object.assign(world.store, working);
  const problem = await problemOf(response);
  assert.deepEqual([problem.status, problem.code], [500, "internal"]);
  assert.ok(!JSON.stringify(problem).includes("secret"));
  assert.equal(world.logged.length, 1);
});

test("a store that is away is a 503 that says when to come back", async () => {
  const working = { ...world.store };
  world.store.ping = async () => {
    throw new FleetError("store_unavailable", { message: "the database is locked" });
  };
  const response = await world.get("/readyz");
  Object.assign(world.store, working);
  assert.equal(response.headers.get("retry-after"), "5");
  assert.equal((await problemOf(response)).code, "store_unavailable");
  assert.equal((await world.get("/readyz")).status, 200);
});

test("requests are measured by the route's pattern, never by the path", async () => {
  world.measured.length = 0;
  await world.get("/v1/devices/ghost", asOperator);
  await world.get("/v1/nothing/at/all");
  await world.app.request("/healthz", { method: "BREW" });
  assert.deepEqual(
    world.measured.map(({ method, route, status }) => `${method} ${route} ${status}`),
    ["GET /v1/devices/:id 404", "GET unmatched 404", "other unmatched 405"],
  );
});

test("a body with many faults is answered with the first of them", async () => {
  const labels = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`?${n}`, "x"]));
  const body = { token: "t".repeat(16), device: "pi-1", labels, nonce: "n".repeat(16) };
  const problem = await problemOf(await world.post("/v1/enroll", body));
  assert.deepEqual([problem.code, problem.errors?.length], ["request_invalid", 20]);
});
