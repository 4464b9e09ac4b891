// Rollouts by the API: what is shown, what can be ordered by whom, and the halt of the fleet.
import assert from "node:assert/strict";
import type { RolloutDevice, RolloutSummary, RolloutView } from "#hub/api/rollout_view.ts";
import type { ListOf } from "#hub/api/schema.ts";
import type { HttpRequest } from "#hub/cli/api/http.ts";
import { rolloutCalls } from "#hub/cli/api/rollouts.ts";
import { suite } from "#test/suite.ts";
import { addRollout, commitOf } from "./fixtures.ts";
import { asOperator, createWorld, enrol, type World } from "./world.ts";

const test = suite("rollouts by the API");
let world: World;
let id = 0;

test.before(async () => {
  world = await createWorld();
  for (const name of ["pi-1", "pi-2", "pi-3"]) {
    await enrol(world, name, name === "pi-1" ? { role: "canary" } : {});
    await world.store.changeDevices([{ id: name as never, connection: "Online" }]);
  }
  id = await addRollout(world);
});
test.after(() => world.close());

async function get<T>(path: string): Promise<T> {
  const response = await world.get(path, asOperator);
  assert.equal(response.status, 200, path);
  return (await response.json()) as T;
}

const order = (name: string, body: object = { reason: "because" }): Promise<Response> =>
  world.post(`/v1/rollouts/${id}/${name}`, body, asOperator);

test("lists rollouts by deployment and state", async () => {
  const list = await get<{ items: RolloutSummary[] }>("/v1/rollouts?deployment=robots");
  assert.deepEqual(
    list.items.map((one) => [one.id, one.state, one.commit, one.step, one.steps]),
    [[id, "Progressing", commitOf("second"), 1, 2]],
  );
  const none = await get<{ items: unknown[] }>("/v1/rollouts?state=Halted");
  assert.deepEqual(none.items, []);
});

test("shows the plan, how many devices are where, and what it waits for", async () => {
  const view = await get<RolloutView>(`/v1/rollouts/${id}`);
  assert.deepEqual(
    view.plan.map(({ name, approval }) => [name, approval]),
    [
      ["100 % of role=canary", false],
      ["all", true],
    ],
  );
  assert.deepEqual([view.devices.Pending, view.devices.Released], [2, 1]);
  assert.match(view.waitsFor ?? "", /devices of step 1 to answer/);
  const devices = await get<{ items: RolloutDevice[] }>(`/v1/rollouts/${id}/devices`);
  const canary = devices.items.find(({ device }) => device === "pi-1");
  assert.deepEqual([canary?.state, canary?.step], ["Released", 1]);
  assert.equal(devices.items.length, 3);
});

test("pages the devices, and fleet follows the pages", async () => {
  const path = `/v1/rollouts/${id}/devices`;
  const first = await get<ListOf<RolloutDevice>>(`${path}?limit=2`);
  const second = await get<ListOf<RolloutDevice>>(`${path}?limit=2&cursor=${first.next}`);
  assert.deepEqual([first.items.length, second.items.length, second.next], [2, 1, null]);
  const asked: unknown[] = [];
  const calls = rolloutCalls({
    json: <T>({ path: of, query = {} }: HttpRequest) => {
      asked.push(of);
      const cursor = query["cursor"] === undefined ? "" : `&cursor=${query["cursor"]}`;
      return get<T>(`${of}?limit=2${cursor}`);
    },
  });
  assert.deepEqual(await calls.devices(id), [...first.items, ...second.items]);
  assert.deepEqual(asked, [path, path]);
  assert.equal((await world.get(`${path}?cursor=x`, asOperator)).status, 400);
});

test("takes orders with a reason, keeps who gave them, and refuses those that mean nothing", async () => {
  assert.equal((await order("pause", {})).status, 400);
  const paused = (await (await order("pause", { reason: "fair week" })).json()) as RolloutView;
  assert.deepEqual(
    [paused.state, paused.operator, paused.reason],
    ["Paused", "admin", "fair week"],
  );
  const again = await order("pause");
  assert.equal(again.status, 409);
  assert.equal(((await again.json()) as { code: string }).code, "state_conflict");
  assert.equal((await order("resume")).status, 200);
  const halted = (await (
    await order("halt", { reason: "smoke", heal: true })
  ).json()) as RolloutView;
  assert.deepEqual(
    [halted.state, halted.quarantined, halted.devices.Reverted],
    ["Halted", true, 1],
  );
  const undone = (await (await order("undo")).json()) as RolloutView;
  assert.equal(undone.state, "Undone");
  const events = await world.store.events({ reason: "RolloutPaused", limit: 5 });
  assert.match(events.rows[0]?.message ?? "", /admin paused it: fair week$/);
});

test("approves the step that was looked at, and no other that began meanwhile", async () => {
  const row = await world.store.rollout(id);
  assert.ok(row !== null);
  const atGate = { ...row.head, state: "AwaitingApproval", step: 1 } as const;
  const change = { marks: [], joined: [], events: [], now: 1 };
  await world.store.changeRollout({ ...row, ...change, head: atGate });
  await world.rollouts.reload();
  assert.equal((await order("approve", { reason: "x", step: 0 })).status, 400);
  for (const [step, why] of [
    [1, /nothing was approved: .* is at step 2 of 2 \(AwaitingApproval\), and step 1 is over/],
    [3, /step 3 comes later, since the rollout began anew/],
  ] as const) {
    const refused = await order("approve", { reason: "canary is well", step });
    assert.equal(refused.status, 409);
    const problem = (await refused.json()) as { code: string; detail: string; hint: string };
    assert.equal(problem.code, "state_conflict");
    assert.match(problem.detail, why);
    assert.match(problem.hint, /approve the step that waits then: fleet rollout status \d+/);
  }
  const approved = await order("approve", { reason: "canary is well", step: 2 });
  assert.equal(approved.status, 200);
  assert.notEqual(((await approved.json()) as RolloutView).state, "AwaitingApproval");
  const now = await world.store.rollout(id);
  assert.ok(now !== null);
  await world.store.changeRollout({ ...now, ...change, head: atGate });
  await world.rollouts.reload();
  assert.equal((await order("approve")).status, 200, "without a step it means whichever waits");
});

test("halts the fleet and lifts the halt, each with a reason", async () => {
  assert.deepEqual((await get<{ halted: boolean }>("/v1/fleet/halt")).halted, false);
  const halted = await world.post("/v1/fleet/halt", { reason: "recall" }, asOperator);
  assert.deepEqual(await halted.json(), {
    ...{ halted: true, operator: "admin", reason: "recall" },
    at: world.clock.now(),
  });
  await world.post("/v1/fleet/resume", { reason: "over" }, asOperator);
  assert.equal((await get<{ halted: boolean }>("/v1/fleet/halt")).halted, false);
});

test("answers 404 for a rollout that is not there, and nothing without credentials", async () => {
  assert.equal((await world.get("/v1/rollouts/99", asOperator)).status, 404);
  assert.equal((await world.get("/v1/rollouts/99/devices", asOperator)).status, 404);
  assert.equal((await world.get("/v1/rollouts")).status, 401);
  assert.equal((await world.post(`/v1/rollouts/${id}/undo`, { reason: "x" })).status, 401);
});
