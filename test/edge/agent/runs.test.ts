// Runs on a whole device: the loop, the journal and the machine of runs together.
import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { ended, orderOf, story } from "./run_story.ts";
import { within } from "./world.ts";

const test = suite("edge/agent runs");

test(
  "drains the apps, lets them rest while a script runs, and brings them back",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    let copies: Record<string, string> = {};
    world.machine.script = async ({ say }) => {
      copies = await world.copies();
      say("hello\n");
    };
    const run = orderOf([
      { kind: "drain" },
      { kind: "script", app: "web", script: "mend.sh" },
      { kind: "verify", stableMs: 1000 },
    ]);
    world.wish([spec], "run", { run });
    assert.deepEqual(await ended(world, run), [
      "started",
      ...["0 drain 1 begins", "0 drain 1 ok"],
      ...["1 script 1 begins", "1 script 1 ok"],
      ...["2 verify 1 begins", "2 verify 1 ok"],
      "ended succeeded",
    ]);
    assert.deepEqual(copies, {});
    await world.converged(spec);
    const logged = world.journal().entries({ kinds: ["run.log"], limit: 10 });
    assert.deepEqual(
      logged.map(({ body }) => body["text"]),
      ["hello\n"],
    );
    await world.until(
      "the report of the end",
      () => world.reported()?.run?.outcome === "succeeded",
    );
  }),
);

test(
  "ends a run in the middle of a script when it is cancelled, and brings back what rested",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    let broken = false;
    world.machine.script = ({ signal }) =>
      new Promise((_, fail) => {
        signal.addEventListener("abort", () => {
          broken = true;
          fail(new Error("killed"));
        });
        resolve();
      });
    const run = orderOf([
      { kind: "stopApp", app: "web" },
      { kind: "script", app: "web", script: "long.sh", timeoutMs: 86_400_000 },
    ]);
    world.wish([spec], "run", { run });
    await begun;
    assert.match(JSON.stringify(world.agent().why()), /step 2 of 2, script: the script long.sh/);
    world.wish([spec], "run", { run: { ...run, cancel: true } });
    assert.deepEqual((await ended(world, run)).slice(-3), [
      "1 script 1 begins",
      "1 script 1 interrupted",
      "ended cancelled interrupted",
    ]);
    assert.ok(broken);
    world.wish([spec], "run", { run: { ...run, cancel: true } });
    await world.converged(spec);
    assert.equal(story(world, run.id).length, 6);
  }),
);

test(
  "takes up a step that the agent's death interrupted, as the same try",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    world.machine.script = () => {
      resolve();
      return new Promise(() => undefined);
    };
    const run = orderOf([{ kind: "drain" }, { kind: "script", app: "web", script: "a.sh" }]);
    world.wish([spec], "run", { run });
    await begun;
    await world.kill();
    world.machine.script = async () => {
      assert.deepEqual(await world.copies(), {});
    };
    world.start();
    assert.deepEqual(await ended(world, run), [
      "started",
      ...["0 drain 1 begins", "0 drain 1 ok"],
      ...["1 script 1 begins", "1 script 1 ok"],
      "ended succeeded",
    ]);
  }),
);

test(
  "does an order once: not again after its end, nor after the agent's restart",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "script", app: "web", script: "a.sh" }]);
    world.wish([spec], "run", { run });
    await ended(world, run);
    const next = orderOf([{ kind: "script", app: "web", script: "b.sh" }]);
    world.wish([spec], "run", { run: next });
    await ended(world, next);
    await world.kill();
    world.start();
    world.wish([spec], "run", { run });
    await world.passed(30_000);
    assert.deepEqual(world.machine.acts, ["script web/a.sh", "script web/b.sh"]);
  }),
);

test(
  "waits for an app that does not let go, and fails the drain when its time is over",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const before = await world.copies();
    world.ask = async () => {
      throw new FleetError("update_held", { message: "the app is busy" });
    };
    const run = orderOf([{ kind: "drain", timeoutMs: 20_000 }]);
    world.wish([spec], "run", { run });
    assert.equal((await ended(world, run)).at(-1), "ended failed step_timeout");
    assert.deepEqual(await world.copies(), before);
  }),
);
