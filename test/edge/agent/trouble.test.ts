// What happens around an update: other wishes, a bad hub, a lost directory.
import * as assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { revisionOf } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { outcomes, serving, slowHub, withProbe } from "./serving.ts";
import { within } from "./world.ts";

const test = suite("the loop: trouble");

test(
  "gives up a bundle that comes corrupt again and again",
  within(async (world) => {
    await serving(world);
    world.hub.misbehave((_, bytes) => new Response(new Uint8Array(bytes).fill(0)));
    const bad = world.want({ letter: "b" });
    await world.ended(bad, "refused");
    assert.equal(world.hub.requests.length, 1 + 6);
    assert.match(world.journal().updates({ limit: 1 })[0]?.failure?.message ?? "", /sha256/);
  }),
);

test(
  "waits for a hub that is away, says until when, and does not repeat itself",
  within(async (world) => {
    const before = await serving(world);
    world.hub.misbehave(() => new Response(null, { status: 503 }));
    const next = world.want({ letter: "b" });
    await world.until("retry", () => world.app()?.retryAt !== undefined);
    const [requests, reports] = [world.hub.requests.length, world.reports.length];
    for (let at = 0; at < 40; at += 1) {
      world.clock.advance(1.37);
      world.nudge();
      await wait(2);
    }
    await world.passed(1_800_000);
    const told = new Set(world.reports.map(({ apps }) => apps[0]?.retryAt));
    const tries = world.hub.requests.length - requests;
    assert.ok(tries >= 5 && tries < 20, `${tries} downloads in half an hour`);
    assert.ok(
      world.reports.length - reports <= tries * 3,
      `${world.reports.length - reports} reports`,
    );
    assert.ok(told.size <= tries + 2, `${told.size} times told for ${tries} tries`);
    const events = world.journal().entries({ kinds: ["event"], limit: 50 });
    assert.equal(events.filter(({ body }) => body["reason"] === "UpdateDelayed").length, 1);
    assert.deepEqual(await world.copies(), before);
    world.hub.misbehave(undefined);
    await world.converged(next);
  }),
);

test(
  "another wish in mid-trial goes back first, and another in mid-preparation just follows",
  within(async (world) => {
    const before = await serving(world);
    const good = world.current();
    world.probes = (letter) => [{ probe: "http", ok: letter !== "b", detail: "starting up" }];
    world.want({ letter: "b", role: withProbe });
    await world.until("trial", () => world.app()?.step === "probe");
    world.runtime.fail("pull", new FleetError("registry_unreachable", { message: "no route" }));
    const c = world.want({ letter: "c" });
    await world.until("going back", () => world.current() === good);
    await world.until("pull", () => world.app()?.retryAt !== undefined);
    world.runtime.fail("pull", undefined);
    const last = world.want({ letter: "d" });
    await world.converged(last);
    assert.equal(outcomes(world), "succeeded superseded superseded succeeded");
    assert.equal(world.current(), revisionOf(last));
    assert.notEqual(revisionOf(c), revisionOf(last));
    assert.equal((await world.copies())["db.1"], before["db.1"]);
    assert.deepEqual(world.app()?.quarantined, []);
  }),
);

test(
  "removes an app that nobody wants, in mid-update too, and what it remembers of it",
  within(async (world) => {
    await serving(world);
    world.behave("z", { kind: "exits", code: 1 });
    await world.ended(world.want({ letter: "z" }), "rolledBack");
    world.probes = (letter) => [{ probe: "http", ok: letter === "a", detail: "starting up" }];
    world.want({ letter: "b", role: withProbe });
    await world.until("trial", () => world.app()?.step === "probe");
    world.wish([]);
    await world.until("removal", () => world.journal().quarantined().length === 0);
    await world.until("no app", () => world.app() === undefined);
    assert.deepEqual(await world.copies(), {});
    assert.equal(world.current(), undefined);
    assert.ok(world.runtime.calls.includes("cleanUp web"));
    assert.deepEqual(world.journal().openAttempts(), []);
  }),
);

test(
  "on hold begins nothing and removes nothing, but repairs",
  within(async (world) => {
    const before = await serving(world);
    world.wish([world.hub.spec("web", { letter: "b" })], "hold");
    await world.passed(30_000);
    assert.deepEqual(await world.copies(), before);
    world.wish([], "hold");
    await world.passed(30_000);
    assert.deepEqual(await world.copies(), before);
    world.runtime.calls.length = 0;
    world.runtime.change("web", 1, { state: "exited", exitCode: 1 });
    await world.until("repair", () => world.runtime.calls.includes("start web/web.1"));
    const next = world.want({ letter: "c" });
    await world.converged(next);
  }),
);

test(
  "takes over copies that run on a device whose directory was lost",
  within(async (world) => {
    const before = await serving(world);
    await world.stop();
    world.loseDirectory();
    const open = slowHub(world);
    const same = world.want({ letter: "a", role: withProbe });
    world.start();
    await world.passed(20_000);
    assert.deepEqual(await world.copies(), before);
    open();
    await world.converged(same);
    assert.deepEqual(await world.copies(), before);
  }),
);

test(
  "remembers the newest failures only",
  within(async (world) => {
    await serving(world);
    world.runtime.fail("check", new FleetError("port_taken", { message: "8080 taken" }));
    for (let at = 0; at < 36; at += 1) {
      const bad = world.want({ letter: "z", values: { N: String(at) } });
      await world.until("refusal", () =>
        world
          .journal()
          .quarantined()
          .some(({ revision }) => revision === revisionOf(bad)),
      );
      // Three failures in a row lead into safe mode, where nothing new is tried.
      world.agent().safeMode.leave();
    }
    assert.equal(world.journal().quarantined().length, 32);
  }),
);
