// What people at the device can ask for: a new try, a restart.
import * as assert from "node:assert/strict";
import { createTryAgain } from "#edge/agent/again.ts";
import type { Attempt } from "#edge/plan/attempt.ts";
import { type AppSpec, revisionOf } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { events } from "./safely.ts";
import { outcomes, serving } from "./serving.ts";
import { within } from "./world.ts";

const test = suite("the loop: by hand");
const web = "web" as AppName;

test(
  "a new try of an app lifts its quarantine",
  within(async (world) => {
    await serving(world);
    world.runtime.fail("check", new FleetError("port_taken", { message: "8080 taken" }));
    const next = world.want({ letter: "b" });
    await world.ended(next, "refused");
    world.runtime.fail("check", undefined);
    await world.passed(20_000);
    assert.equal(outcomes(world), "refused succeeded");
    world.agent().retry(web);
    await world.converged(next);
  }),
);

test(
  "a new try ends the wait of the app's attempt and of its repairs, and of no other app's",
  within(async (world) => {
    const journal = world.journal();
    const forgotten: AppName[] = [];
    const tryAgain = createTryAgain({
      journal,
      repairs: { forget: (app) => void forgotten.push(app) },
    });
    const specs = ["web", "other"].map((name) => world.hub.spec(name, { letter: "a" }));
    for (const spec of specs) journal.saveAttempt(waitingAttempt(spec));
    world.wish(specs);
    tryAgain(journal.desired(), web);
    const waits = journal
      .openAttempts()
      .map(({ app, retryMonotonicMs }) => [app, retryMonotonicMs]);
    assert.deepEqual(waits, [
      ["web", undefined],
      ["other", 99_000],
    ]);
    assert.deepEqual(forgotten, ["web"]);
  }),
);

function waitingAttempt(spec: AppSpec): Attempt {
  return {
    id: spec.name,
    app: spec.name,
    to: revisionOf(spec),
    digest: spec.release.digest,
    commit: spec.release.commit,
    stage: "fetch",
    startedAt: 1,
    startedMonotonicMs: 1,
    stageMonotonicMs: 1,
    bootId: "boot-1",
    tries: 5,
    retryMonotonicMs: 99_000,
    retryAt: 99_000,
  };
}

test(
  "a restart is done in place, journalled with who asked, and no drift",
  within(async (world) => {
    const before = await serving(world);
    world.runtime.calls.length = 0;
    await world.agent().restartService(web, "web", "the local page");
    assert.deepEqual(world.runtime.calls, ["restart web/web.1"]);
    await world.passed(20_000);
    assert.deepEqual(await world.copies(), before);
    const [event] = world.journal().entries({ kinds: ["event", "drift.found"], limit: 1 });
    assert.equal(event?.body["reason"], "RestartRequested");
    assert.match(String(event?.body["message"]), /web of web .*the local page/);
  }),
);

test(
  "a restart of what is not there says so",
  within(async (world) => {
    await serving(world);
    await assert.rejects(world.agent().restartService(web, "nothing"), (error: FleetError) => {
      assert.equal(error.code, "not_found");
      return true;
    });
    assert.deepEqual(events(world, "RestartRequested"), []);
  }),
);

test(
  "a new try that cannot be journalled ends no agent",
  within(async (world) => {
    await serving(world);
    world.runtime.fail("check", new FleetError("port_taken", { message: "8080 taken" }));
    const next = world.want({ letter: "b" });
    await world.ended(next, "refused");
    const { release } = world.journal();
    world.journal().release = () => {
      throw new FleetError("journal_unusable", { message: "read-only", retry: "later" });
    };
    world.agent().retry(web);
    await world.until("a warning", () => world.warnings.some((text) => /read-only/.test(text)));
    world.journal().release = release;
    world.runtime.fail("check", undefined);
    world.agent().retry(web);
    await world.converged(next);
  }),
);
