// Runs on a whole device: the loop, the journal and the machine of runs together.
import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import type { EntryKind } from "#shared/journal.ts";
import { type RunId, RunOrder } from "#shared/run.ts";
import { suite } from "#test/suite.ts";
import { type World, within } from "./world.ts";

const test = suite("edge/agent runs");

let orders = 0;

type Steps = Record<string, unknown>[];

function orderOf(steps: Steps, more: Partial<RunOrder> = {}): RunOrder {
  orders += 1;
  const limited = steps.map((step) => ({ timeoutMs: 60_000, retries: 0, ...step }));
  const id = `run${String(orders).padStart(8, "0")}`;
  return { ...RunOrder.parse({ id, request: `r-${orders}`, plan: "p", steps: limited }), ...more };
}

const runKinds: EntryKind[] = ["run.started", "run.step.started", "run.step.ended", "run.ended"];

/** E.g. `started`, `1 drain +`, `1 drain -`, `ended succeeded`. */
function story(world: World, run: RunId): string[] {
  const entries = world.journal().entries({ kinds: runKinds, limit: 100 }).toReversed();
  return entries
    .filter(({ body }) => body["run"] === run)
    .map(({ kind, body }) => {
      const word = (key: string): string => String(body[key]);
      const at = `${word("index")} ${word("kind")} ${word("attempt")}`;
      if (kind === "run.started") return "started";
      if (kind === "run.step.started") return `${at} begins`;
      if (kind === "run.step.ended") return `${at} ${body["ok"] === true ? "ok" : word("code")}`;
      return `ended ${word("outcome")}${body["code"] === undefined ? "" : ` ${word("code")}`}`;
    });
}

async function ended(world: World, { id }: RunOrder): Promise<string[]> {
  await world.until(
    `the end of run ${id}`,
    () => story(world, id).at(-1)?.startsWith("ended") === true,
  );
  return story(world, id);
}

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
  "orders a reboot once, though the agent dies right after the order, and goes on in the next boot",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const { promise: down, resolve } = Promise.withResolvers<void>();
    world.machine.onReboot = resolve;
    const run = orderOf([{ kind: "reboot" }, { kind: "waitForDevice" }]);
    world.wish([spec], "run", { run });
    await down;
    await world.kill();
    world.boot("boot-2");
    world.link.lastContactMonotonicMs = Number.MAX_SAFE_INTEGER;
    world.start();
    assert.deepEqual(await ended(world, run), [
      "started",
      ...["0 reboot 1 begins", "0 reboot 1 ok"],
      ...["1 waitForDevice 1 begins", "1 waitForDevice 1 ok"],
      "ended succeeded",
    ]);
    assert.deepEqual(world.machine.acts, ["reboot"]);
  }),
);

test(
  "calls a reboot that does not happen a failure, as often as the step may be tried",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "reboot", timeoutMs: 5000, retries: 1 }]);
    world.wish([spec], "run", { run });
    assert.deepEqual(await ended(world, run), [
      "started",
      ...["0 reboot 1 begins", "0 reboot 1 step_timeout"],
      ...["0 reboot 2 begins", "0 reboot 2 step_timeout"],
      "ended failed step_timeout",
    ]);
    assert.deepEqual(world.machine.acts, ["reboot", "reboot"]);
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

test(
  "wipes the device and installs what is desired anew",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "wipe" }, { kind: "installRelease" }]);
    world.wish([spec], "hold", { run });
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    assert.ok(world.runtime.calls.includes("wipe web"));
    await world.converged(spec);
  }),
);

test(
  "leaves a device wiped for as long as the order stands",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "wipe" }]);
    world.wish([spec], "run", { run });
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    await world.passed(60_000);
    assert.deepEqual(await world.copies(), {});
    assert.equal(world.app()?.health, "Suspended");
    world.wish([spec]);
    await world.converged(spec);
  }),
);

const network = { interface: "eth0", method: "dhcp" };

test(
  "keeps new settings of the network once the hub has acknowledged an entry that went over them",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const run = orderOf([{ kind: "configureNetwork", network, confirmMs: 30_000 }]);
    world.wish([spec], "run", { run });
    await world.until("the settings", () => world.machine.acts.includes("apply dhcp"));
    await world.passed(5000);
    assert.equal(story(world, run.id).at(-1), "0 configureNetwork 1 begins");
    const journal = world.journal();
    for (let batch = next(); batch !== undefined; batch = next()) {
      journal.acknowledge({ epoch: batch.epoch, seq: batch.to });
    }
    assert.equal((await ended(world, run)).at(-1), "ended succeeded");
    assert.deepEqual(world.machine.acts, ["guard", "apply dhcp", "confirm"]);

    function next() {
      return world.journal().batch({ maxEntries: 500, maxBytes: 1e6 });
    }
  }),
);

test(
  "puts the former settings back when the step's time is over without the hub, and fails the run",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    const step = { kind: "configureNetwork", network, confirmMs: 30_000, timeoutMs: 10_000 };
    const run = orderOf([step]);
    world.wish([spec], "run", { run });
    assert.equal((await ended(world, run)).at(-1), "ended failed step_timeout");
    assert.deepEqual(world.machine.acts, ["guard", "apply dhcp", "return"]);
  }),
);
