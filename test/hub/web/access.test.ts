// Every address that the hub serves beside its documented API: what is open to anybody, and what wants a session.
import assert from "node:assert/strict";
import { createPages } from "#hub/web/pages.ts";
import { addDevice } from "#test/hub/api/fixtures.ts";
import { createWorld, type World } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";

const test = suite("access to the pages");
let world: World;
test.before(async () => {
  world = await createWorld({ pages: createPages });
  await addDevice(world, "pi-1");
});
test.after(() => world.close());

/** They tell nothing of the fleet. */
const open = new Set([
  ...["GET /assets/:name", "GET /docs", "GET /openapi.json"],
  ...["GET /sign-in", "POST /sign-in", "POST /sign-out"],
]);

async function undocumented(): Promise<string[]> {
  const document = (await (await world.get("/openapi.json")).json()) as {
    paths: Record<string, object>;
  };
  const known = new Set(
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(
        (method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`,
      ),
    ),
  );
  const served = world.app.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path}`);
  return [...new Set(served)].filter((route) => !known.has(route));
}

test("every page but the open ones leads to the sign-in page, and takes no order", async () => {
  const routes = await undocumented();
  for (const route of open) assert.ok(routes.includes(route), route);
  const closed = routes.filter((route) => !open.has(route));
  assert.ok(closed.length >= 6, closed.join());
  for (const route of closed) {
    const [method = "", path = ""] = route.split(" ");
    const url = path
      .replace("/rollouts/:id", "/rollouts/1")
      .replace(":id", "pi-1")
      .replace(":act", "halt")
      .replace(":order", "undo");
    const headers = {
      Origin: "http://localhost",
      "Content-Type": "application/x-www-form-urlencoded",
    };
    const body = method === "GET" ? {} : { body: "reason=x" };
    for (const cookie of [{}, { Cookie: "fleet_session=guessed" }]) {
      const request = { method, headers: { ...headers, ...cookie }, ...body };
      const response = await world.app.request(url, request);
      assert.equal(response.status, 303, route);
      assert.match(response.headers.get("location") ?? "", /^\/sign-in/, route);
    }
  }
  assert.equal(world.rollouts.fleetHalt(), null);
});
