// What the pages say while nothing is there yet, and what to do next.
import assert from "node:assert/strict";
import { createPages } from "#hub/web/pages.ts";
import { commitOf } from "#test/hub/api/fixtures.ts";
import { asOperator, createWorld, type World } from "#test/hub/api/world.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/web/notices");

async function withWorld(body: (world: World) => Promise<void>): Promise<void> {
  const world = await createWorld({ pages: createPages });
  try {
    await body(world);
  } finally {
    await world.close();
  }
}

async function page(world: World, path = "/"): Promise<{ status: number; text: string }> {
  const cookie = { Cookie: `fleet_session=${world.sessions.open("admin")}` };
  const response = await world.get(path, cookie);
  return { status: response.status, text: await response.text() };
}

const away = {
  url: "https://git.example.org/fleet",
  reachable: false,
  problem: "the fleet repository https://git.example.org/fleet cannot be fetched: not found",
  hint: "Check the address.",
  fetchedAt: null,
};

test("a fleet without devices says how to enrol the first", () =>
  withWorld(async (world) => {
    const { text } = await page(world);
    assert.match(text, /No device is enrolled yet/);
    assert.match(text, /curl -X POST http:\/\/localhost\/v1\/enrollment-tokens/);
    assert.match(text, /agent\.yaml/);
    assert.match(text, /its first commit is being read, or its default branch has none/);
  }));

test("a repository that cannot be fetched is told first, with the reason and the next step", () =>
  withWorld(async (world) => {
    world.repository = away;
    const { text } = await page(world);
    const note = text.indexOf('id="repository-problem"');
    assert.ok(note > 0 && note < text.indexOf('class="totals"'));
    assert.match(text, /cannot be fetched: not found/);
    assert.match(text, /Check the address\./);
    assert.match(text, /It was never fetched/);
    world.repository = { ...away, fetchedAt: world.clock.now() - 60_000 };
    assert.match((await page(world)).text, /devices stay on what they have/);
    const fleet = await (await world.get("/v1/fleet", asOperator)).json();
    assert.deepEqual((fleet as { repository: unknown }).repository, world.repository);
  }));

test("before the first fetch has ended, and while all is well, nothing alarms", () =>
  withWorld(async (world) => {
    world.repository = { ...away, problem: null, hint: null };
    const { text } = await page(world);
    assert.match(text, /is being fetched for the first time/);
    assert.doesNotMatch(text, /repository-problem/);
  }));

test("a first commit that is refused says what to correct, and that nothing is served", () =>
  withWorld(async (world) => {
    const refusal = 'fleet.yaml:3: deployments: names the role "none", which has no directory';
    const main = { branch: "main", head: commitOf("broken"), accepted: null, checkedAt: 1 };
    await world.store.saveBranch({ ...main, refusal });
    const { text } = await page(world);
    assert.match(text, /No commit of this branch was accepted yet/);
    assert.match(text, /fleet\.yaml:3: deployments: names the role/);
    assert.match(text, /Correct this and commit to main/);
  }));

test("an unknown device is a page with a way back, whatever its name", () =>
  withWorld(async (world) => {
    for (const name of ["nobody", "%3Cscript%3E", "x".repeat(200)]) {
      const { status, text } = await page(world, `/devices/${name}`);
      assert.equal(status, 404);
      assert.match(text, /is enrolled here/);
      assert.match(text, /<a href="\/">Show all devices<\/a>/);
      assert.doesNotMatch(text, /<script>/);
    }
  }));
