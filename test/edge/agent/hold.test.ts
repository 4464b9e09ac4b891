import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { within } from "./world.ts";

const test = suite("the loop: an app that holds its update");

const held = (): Promise<never> =>
  Promise.reject(new FleetError("update_held", { message: "the app is busy" }));

test(
  "waits prepared while the app is busy, and goes on within its pause when it is not",
  within(async (world) => {
    const first = world.want({ letter: "a" });
    world.start();
    await world.converged(first);
    const before = await world.copies();
    let asked = 0;
    world.ask = () => {
      asked += 1;
      return held();
    };
    const next = world.want({ letter: "b" });
    await world.until("asked again", () => asked >= 3);
    assert.equal(world.app()?.step, "hold");
    assert.match(world.app()?.failure?.message ?? "", /the app is busy/);
    assert.deepEqual(await world.copies(), before);
    world.ask = async () => undefined;
    await world.converged(next);
  }),
);

test(
  "goes on all the same once the app has had its time, and says so",
  within(async (world) => {
    const first = world.want({ letter: "a" });
    world.start();
    await world.converged(first);
    world.ask = held;
    const next = { ...world.want({ letter: "b" }), rules: { maxHoldMs: 60_000 } };
    world.wish([next]);
    await world.converged(next);
    const events = world.journal().entries({ kinds: ["event"], limit: 20 });
    const overridden = events.filter(({ body }) => body["reason"] === "HoldOverridden");
    assert.equal(overridden.length, 1);
    assert.match(String(overridden[0]?.body["message"]), /the app is busy/);
  }),
);

test(
  "a first install asks nobody",
  within(async (world) => {
    world.ask = () => assert.fail("nobody serves yet");
    const first = world.want({ letter: "a" });
    world.start();
    await world.converged(first);
  }),
);
