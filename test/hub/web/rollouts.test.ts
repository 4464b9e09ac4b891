import * as assert from "node:assert/strict";
import { createPages } from "#hub/web/pages.ts";
import type { DeviceId } from "#shared/ids.ts";
import { addRollout, commitOf } from "#test/hub/api/fixtures.ts";
import { createWorld, enrol, type World } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";

const test = suite("rollout pages without a browser");
let world: World;
let id = 0;

test.before(async () => {
  world = await createWorld({ pages: createPages });
  for (const name of ["pi-1", "pi-2", "pi-3"]) {
    await enrol(world, name, name === "pi-1" ? { role: "canary" } : {});
    await world.store.changeDevices([{ id: name as DeviceId, connection: "Online" }]);
  }
});
test.after(() => world.close());

const signedIn = () => ({ Cookie: `fleet_session=${world.sessions.open("admin")}` });

async function text(path: string): Promise<string> {
  const response = await world.get(path, signedIn());
  assert.equal(response.status, 200, path);
  return response.text();
}

function submit(
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
) {
  return world.app.request(path, {
    method: "POST",
    headers: {
      ...{ Origin: "http://localhost", "Content-Type": "application/x-www-form-urlencoded" },
      ...headers,
    },
    body: new URLSearchParams(fields).toString(),
  });
}

const state = async () => (await world.store.rollout(id))?.head.state;

test("says what a rollout is while there is none, and leads strangers to the sign-in page", async () => {
  assert.match(await text("/rollouts"), /No release has rolled out yet/);
  for (const path of ["/rollouts", "/rollouts/1"]) {
    const response = await world.get(path);
    assert.deepEqual(
      [response.status, response.headers.get("location")],
      [303, `/sign-in?next=${encodeURIComponent(path)}`],
    );
  }
  assert.equal((await world.get("/rollouts", { "X-Fragment": "main" })).status, 401);
});

test("the list shows the newest of each deployment with its state and its bar", async () => {
  id = await addRollout(world);
  const page = await text("/rollouts");
  assert.match(page, new RegExp(`href="/rollouts/${id}"><span class="word">robots #${id}<`));
  assert.match(page, /Progressing/);
  assert.match(page, /aria-label="1 under way, 2 to come"/);
});

test("the page shows each batch, what it waits for, and every device", async () => {
  const page = await text(`/rollouts/${id}`);
  assert.match(page, /1\. 100 % of role=canary \(now\)/);
  assert.match(page, /2\. all, by approval/);
  assert.match(page, /Waits for <bdi>devices of step 1 to answer/);
  assert.match(page, new RegExp(`title="${commitOf("second")}"`));
  assert.match(page, /href="\/devices\/pi-1"/);
  assert.match(page, /must answer <time/);
  assert.match(page, /formaction="\/rollouts\/\d+\/halt">Halt</);
  assert.doesNotMatch(page, /\/resume"/);
  assert.equal((await world.get("/rollouts/99", signedIn())).status, 404);
  assert.equal((await world.get("/rollouts/x", signedIn())).status, 404);
});

test("an order needs a session, this hub's own form, and a reason", async () => {
  const path = `/rollouts/${id}/halt`;
  assert.equal((await submit(path, { reason: "smoke" })).status, 303);
  for (const origin of ["https://evil.example", "null"]) {
    const foreign = await submit(path, { reason: "smoke" }, { ...signedIn(), Origin: origin });
    assert.equal(foreign.status, 403);
    assert.match(await foreign.text(), /sent by another site/);
  }
  const bare = await world.app.request(path, { method: "POST", headers: signedIn() });
  assert.equal(bare.status, 403);
  assert.equal((await submit(path, { reason: " " }, signedIn())).status, 400);
  assert.equal((await submit(path, { reason: "x".repeat(501) }, signedIn())).status, 400);
  assert.equal(await state(), "Progressing");
  assert.equal((await submit(`/rollouts/${id}/explode`, { reason: "x" }, signedIn())).status, 404);
});

test("halt, undo and resume work from the page and say who and why", async () => {
  const halted = await submit(`/rollouts/${id}/halt`, { reason: "smoke" }, signedIn());
  assert.deepEqual([halted.status, halted.headers.get("location")], [303, `/rollouts/${id}`]);
  const page = await text(`/rollouts/${id}`);
  assert.match(page, /The rollout halted\./);
  assert.match(page, /admin: smoke/);
  assert.match(page, /given to nobody/);
  const again = await submit(`/rollouts/${id}/halt`, { reason: "smoke" }, signedIn());
  assert.equal(again.status, 409);
  const told = await again.text();
  assert.match(told, /halt means something only while[\s\S]*<main/, "above what is read again");
  assert.ok(told.includes(`data-at="/rollouts/${id}"`), "where the script reads it again");
  await submit(`/rollouts/${id}/undo`, { reason: "back" }, signedIn());
  assert.equal(await state(), "Undone");
  await submit(`/rollouts/${id}/resume`, { reason: "mended" }, signedIn());
  assert.equal(await state(), "Progressing");
});

test("the button approves the step that it names", async () => {
  const row = await world.store.rollout(id);
  assert.ok(row !== null);
  const head = { ...row.head, state: "AwaitingApproval", step: 1 } as const;
  const change = { marks: [], joined: [], events: [], now: 1 };
  await world.store.changeRollout({ ...row, ...change, head });
  await world.rollouts.reload();
  const page = await text(`/rollouts/${id}`);
  assert.match(page, /formaction="\/rollouts\/\d+\/approve" name="step" value="2">Approve step 2</);
  const path = `/rollouts/${id}/approve`;
  const late = await submit(path, { reason: "canary is well", step: "1" }, signedIn());
  assert.equal(late.status, 409);
  assert.match(await late.text(), /nothing was approved: rollout \d+ is at step 2 of 2/);
  assert.equal(await state(), "AwaitingApproval");
  assert.equal((await submit(path, { reason: "well", step: "2" }, signedIn())).status, 303);
  assert.notEqual(await state(), "AwaitingApproval");
});

test("the fleet is halted and the halt lifted from the list", async () => {
  await submit("/rollouts/fleet/halt", { reason: "recall <b>" }, signedIn());
  assert.match(
    await text("/rollouts"),
    /The fleet is halted<\/strong>.*by <bdi>admin<\/bdi>: <bdi>recall &lt;b&gt;\./s,
  );
  await submit("/rollouts/fleet/resume", { reason: "over" }, signedIn());
  assert.doesNotMatch(await text("/rollouts"), /The fleet is halted/);
});

test("what devices say is text and never markup; suspects come the clearest first", async () => {
  const row = await world.store.rollout(id);
  const [member] = await world.store.rolloutMembers(id);
  assert.ok(row && member);
  const suspect = { key: "model", value: "<i>Pi 3</i>", failed: 3, failedOf: 3 };
  await world.store.changeRollout({
    ...{ id, version: row.version, head: { ...row.head, state: "Halted" }, isQuarantined: true },
    suspects: [{ ...suspect, succeeded: 0, succeededOf: 9, chance: 0.004 }],
    marks: [{ ...member.member, state: "Failed", reason: "<script>alert(1)</script>" }],
    ...{ joined: [], events: [], now: 1 },
  });
  const page = await text(`/rollouts/${id}`);
  assert.match(page, /they share model=&lt;i&gt;Pi 3&lt;\/i&gt; \(3 of 3 that failed, 0 of 9/);
  assert.match(page, /3 of 3<\/td>.*0 of 9<\/td>.*0\.4 % <strong>clear/s);
  assert.match(page, /&lt;script&gt;/);
  assert.doesNotMatch(page, /<script>|\sstyle=/);
});
