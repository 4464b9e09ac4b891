// The pause of the fleet as the API tells it, and its end by a word.
import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { addDevice } from "./fixtures.ts";
import { asDevice, asOperator, createWorld, startMs, type World } from "./world.ts";

const test = suite("the routes of the fleet's pause");
const reason = "pi-1 knows better; Ä 100 %";
let world: World;

test.before(async () => {
  world = await createWorld();
  await addDevice(world, "pi-1");
});
test.after(() => world.close());

const view = (headers: Record<string, string> = asOperator): Promise<Response> =>
  world.get("/v1/fleet/pause", headers);
const end = (body: unknown, headers: Record<string, string> = asOperator): Promise<Response> =>
  world.post("/v1/fleet/pause/end", body, headers);
const running = { paused: false, cause: null, reason: null, at: null };

async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

test("a fleet that is not paused says so, and there is nothing to end", async () => {
  const response = await view();
  assert.deepEqual(await response.json(), running);
  assert.equal(response.headers.get("metrica-fleet-paused"), null);
  const refused = await end({ reason: "why not" });
  assert.equal(refused.status, 409);
  const problem = (await refused.json()) as { code: string; hint: string };
  assert.equal(problem.code, "state_conflict");
  assert.match(problem.hint, /rollout/);
});

test("a pause is told with cause, reason and time, under a tag that changes with it", async () => {
  const before = (await view()).headers.get("etag") ?? "";
  await world.pause.begin("restored", reason);
  const response = await view();
  assert.deepEqual(await response.json(), { paused: true, cause: "restored", reason, at: startMs });
  const tag = response.headers.get("etag") ?? "";
  assert.notEqual(tag, before);
  assert.equal((await view({ ...asOperator, "If-None-Match": tag })).status, 304);
});

test("a second reason for a pause neither begins another nor hides the first", async () => {
  await world.pause.begin("blank", "another reason");
  assert.equal(((await (await view()).json()) as { reason: string }).reason, reason);
  const { rows } = await world.store.events({ reason: "FleetPaused", limit: 10 });
  assert.equal(rows.length, 1);
});

test("an operator learns of it with every answer, a refusal too; nobody else is told what it names", async () => {
  const told = async (path: string, headers = {}) => {
    const header = (await world.get(path, headers)).headers.get("metrica-fleet-paused");
    return header === null ? null : decodeURIComponent(header);
  };
  assert.equal(await told("/v1/devices", asOperator), reason);
  assert.equal(await told("/v1/devices/nobody", asOperator), reason);
  assert.equal(await told("/v1/devices"), null);
  assert.equal(await told("/v1/devices", { Authorization: "Bearer wrong" }), null);
  assert.equal(await told("/v1/devices/pi-1/desired", asDevice("pi-1")), null);
  assert.equal(await told("/healthz", asOperator), null);
});

test("neither a device nor a stranger sees or ends it, nor a page of another site", async () => {
  for (const headers of [{}, asDevice("pi-1")]) {
    assert.equal((await view(headers)).status, 401);
    assert.deepEqual(await codeOf(await end({ reason: "x" }, headers)), [401, "unauthenticated"]);
  }
  const Cookie = `fleet_session=${world.sessions.open("admin")}`;
  const foreign = await end({ reason: "x" }, { Cookie, Origin: "https://evil.example" });
  assert.deepEqual(await codeOf(foreign), [403, "forbidden"]);
  assert.notEqual(world.pause.state(), null);
});

test("it ends only with a reason that others can read", async () => {
  const wrong = [
    ...[{}, { reason: "" }, { reason: "   " }, { reason: "x".repeat(501) }, { reason: 1 }],
    ...[
      { reason: "x", force: "yes" },
      { reason: "x", forced: true },
    ],
  ];
  for (const body of wrong) {
    assert.deepEqual(await codeOf(await end(body)), [400, "request_invalid"]);
  }
  assert.notEqual(world.pause.state(), null);
});

test("ended once it is over, recorded with who and why; the same word again finds nothing to end", async () => {
  const response = await end({ reason: "  all are back " });
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), running);
  assert.deepEqual(await codeOf(await end({ reason: "all are back" })), [409, "state_conflict"]);
  const { rows } = await world.store.events({ reason: "FleetResumed", limit: 10 });
  assert.deepEqual(
    rows.map(({ message }) => message),
    ["admin resumed the fleet: all are back"],
  );
  assert.equal((await view()).headers.get("metrica-fleet-paused"), null);
});

test("of two who end it at once one does", async () => {
  world.clock.advance(1000);
  await world.pause.begin("restored", reason);
  const answers = await Promise.all([end({ reason: "one" }), end({ reason: "two" })]);
  const statuses = answers.map(({ status }) => status);
  assert.deepEqual(new Set(statuses), new Set([200, 409]));
});
