// Bisects by the API: beginning, reading and cancelling one, and what is refused.
import assert from "node:assert/strict";
import type { BisectView } from "#hub/api/bisect.ts";
import type { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { addRollout, commitOf } from "./fixtures.ts";
import { asOperator, createWorld, enrol, type World } from "./world.ts";

const test = suite("bisects by the API");
let world: World;
let path = "";
const reason = "which commit?";

test.before(async () => {
  world = await createWorld();
  await enrol(world, "pi-1", { role: "canary" });
  await world.store.changeDevices([{ id: "pi-1" as DeviceId, connection: "Online" }]);
  path = `/v1/rollouts/${await addRollout(world)}`;
});
test.after(() => world.close());

const post = (tail: string, body: object) => world.post(`${path}${tail}`, body, asOperator);

async function problem(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as { code: string }).code];
}

test("wants a halted rollout, a reason, credentials and devices of the rollout", async () => {
  const begin = (body: object) => post("/bisect", body);
  assert.equal((await world.post(`${path}/bisect`, { reason })).status, 401);
  assert.equal((await begin({})).status, 400);
  assert.deepEqual(await problem(await begin({ reason })), [409, "state_conflict"]);
  assert.deepEqual(await problem(await world.get(`${path}/bisect`, asOperator)), [
    404,
    "not_found",
  ]);
  await post("/halt", { reason });
  assert.deepEqual(await problem(await begin({ reason, devices: ["pi-9"] })), [
    400,
    "request_invalid",
  ]);
  // Nobody is online and healthy, so nobody is chosen.
  assert.deepEqual(await problem(await begin({ reason })), [409, "state_conflict"]);
  const other = await world.post("/v1/rollouts/99/bisect", { reason }, asOperator);
  assert.deepEqual(await problem(other), [404, "not_found"]);
});

test("begins, is shown with commits and canaries, and is cancelled", async () => {
  const begun = await post("/bisect", { reason, devices: ["pi-1"] });
  assert.equal(begun.status, 201);
  const response = await world.get(`${path}/bisect`, asOperator);
  const view = (await response.json()) as BisectView;
  const { state, testing, testsLeft, operator, culprit } = view;
  assert.deepEqual(
    { state, testing, testsLeft, operator, culprit },
    {
      state: "Testing",
      testing: commitOf("second"),
      testsLeft: 1,
      operator: "admin",
      culprit: null,
    },
  );
  assert.deepEqual(
    view.commits.map(({ verdict }) => verdict),
    ["good", "untested"],
  );
  assert.deepEqual(
    view.canaries.map(({ device, state: canary }) => [device, canary]),
    [["pi-1", "Released"]],
  );
  const again = await post("/bisect", { reason, devices: ["pi-1"] });
  assert.deepEqual(await problem(again), [409, "state_conflict"]);
  const cancelled = (await (await post("/bisect/cancel", { reason })).json()) as BisectView;
  assert.deepEqual(
    [cancelled.state, cancelled.outcome],
    ["Cancelled", "admin cancelled it: which commit?"],
  );
  assert.equal((await post("/bisect/cancel", { reason })).status, 409);
});
