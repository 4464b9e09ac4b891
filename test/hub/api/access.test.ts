import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { addDevice, digestOf } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, type World } from "./world.ts";

const test = suite("access to the API");
let world: World;
test.before(async () => {
  world = await createWorld();
  await addDevice(world, "pi-1");
  await addDevice(world, "pi-2");
});
test.after(() => world.close());

/** Routes that need no credentials; every other route of the document must refuse. */
const open = new Set(["GET /healthz", "GET /readyz", "POST /v1/enroll"]);

interface Operation {
  security?: unknown[];
}

async function operations(): Promise<{ method: string; path: string; operation: Operation }[]> {
  const document = (await (await world.get("/openapi.json")).json()) as {
    paths: Record<string, Record<string, Operation>>;
  };
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      return { method: method.toUpperCase(), path, operation };
    }),
  );
}

function concrete(path: string): string {
  return path.replace("{id}", "pi-1").replace("{digest}", digestOf("first"));
}

test("every route but the open ones refuses a caller without credentials", async () => {
  for (const { method, path, operation } of await operations()) {
    const response = await world.app.request(concrete(path), { method });
    const name = `${method} ${path}`;
    assert.equal(response.status === 401, !open.has(name), `${name}: ${response.status}`);
    assert.equal(operation.security === undefined, open.has(name), `${name} in the document`);
  }
});

test("every route but the open ones refuses a wrong token and a wrong secret", async () => {
  const wrong = [{ Authorization: "Bearer wrong" }, asDevice("pi-1", "wrong"), asDevice("no", "x")];
  for (const { method, path } of await operations()) {
    if (open.has(`${method} ${path}`)) continue;
    for (const headers of wrong) {
      const response = await world.app.request(concrete(path), { method, headers });
      assert.equal(response.status, 401, `${method} ${path}`);
    }
  }
});

test("no operator's route takes a device's credentials", async () => {
  for (const { method, path, operation } of await operations()) {
    const forDevices = JSON.stringify(operation.security ?? [{ device: [] }]).includes("device");
    if (forDevices) continue;
    const response = await world.app.request(concrete(path), { method, headers: asDevice("pi-1") });
    assert.equal(response.status, 401, `${method} ${path}`);
  }
});

test("a refusal says how to authenticate", async () => {
  const forOperators = await world.get("/v1/devices");
  assert.equal(forOperators.headers.get("www-authenticate"), 'Bearer realm="metrica-fleet"');
  const forDevices = await world.post("/v1/devices/pi-1/report", {});
  assert.match(forDevices.headers.get("www-authenticate") ?? "", /^Basic /);
});

test("a device is kept off another device's paths", async () => {
  for (const path of ["/v1/devices/pi-2/desired", "/v1/devices/pi-2/report"]) {
    const method = path.endsWith("report") ? "POST" : "GET";
    const response = await world.app.request(path, { method, headers: asDevice("pi-1") });
    assert.equal(response.status, 403, path);
    assert.equal(((await response.json()) as { code: string }).code, "forbidden");
  }
});

test("an operator's token is no device", async () => {
  const response = await world.post("/v1/devices/pi-1/report", {}, asOperator);
  assert.equal(response.status, 401);
});

const cookie = () => `fleet_session=${world.sessions.open("admin")}`;

test("a session of the page reads like a token", async () => {
  const response = await world.get("/v1/fleet", { Cookie: cookie() });
  assert.equal(response.status, 200);
});

test("a session acts only when the hub's own page asks", async () => {
  const act = (origin: Record<string, string>) =>
    world.post("/v1/sign-in-codes", {}, { Cookie: cookie(), ...origin });
  assert.equal((await act({ Origin: "https://evil.example" })).status, 403);
  assert.equal((await act({ Origin: "null" })).status, 403);
  assert.equal((await act({})).status, 403);
  assert.equal((await act({ Origin: "http://localhost" })).status, 201);
});

test("a session ends after twelve hours", async () => {
  const headers = { Cookie: cookie() };
  world.clock.advance(12 * 3_600_000 + 1);
  assert.equal((await world.get("/v1/fleet", headers)).status, 401);
});

test("answers carry no CORS header, and headers that keep browsers strict", async () => {
  const response = await world.get("/v1/fleet", { ...asOperator, Origin: "https://a.example" });
  assert.equal(response.headers.get("access-control-allow-origin"), null);
  assert.equal(response.headers.get("x-content-type-options"), "nosniff");
  assert.match(response.headers.get("content-security-policy") ?? "", /default-src 'none'/);
});
