// Updates that go well, and each way in which one can fail, by the real loop.
import * as assert from "node:assert/strict";
import { revisionOf } from "#shared/desired.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { composeOf } from "./bundles.ts";
import { serving, withProbe } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: updates");
test(
  "installs a first release",
  within(async (world) => {
    const copies = await serving(world);
    assert.deepEqual(Object.keys(copies).sort(), ["db.1", "web.1"]);
    const [update] = world.journal().updates({ limit: 9 });
    assert.equal(update?.outcome, "succeeded");
    const stages = "fetch verify stage validate pull hold check swap start probe switch commit";
    assert.equal(update?.steps.map(({ step }) => step).join(" "), stages);
  }),
);

test(
  "replaces what a release changes and touches nothing else",
  within(async (world) => {
    const before = await serving(world);
    world.runtime.calls.length = 0;
    await world.converged(world.want({ letter: "b" }));
    const after = await world.copies();
    assert.equal(after["db.1"], before["db.1"]);
    assert.notEqual(after["web.1"], before["web.1"]);
    const changes = world.runtime.calls.filter((call) => !/^(pull|check|prepare)/.test(call));
    assert.deepEqual(changes, ["remove web/web.1", "start web/web.1"]);
  }),
);

test(
  "starts exactly seven copies when three become ten",
  within(async (world) => {
    const compose = composeOf("a", "    deploy: { replicas: $ROBOT_COUNT }\n");
    const wanted = (count: string) => ({ letter: "a", compose, values: { ROBOT_COUNT: count } });
    const three = world.want(wanted("3"));
    world.start();
    await world.converged(three);
    const before = await world.copies();
    world.runtime.calls.length = 0;
    const ten = world.want(wanted("10"));
    await world.converged(ten);
    const changes = world.runtime.calls.filter((call) => /^(start|remove|restart)/.test(call));
    assert.equal(changes.filter((call) => call.startsWith("start")).length, 7);
    assert.equal(changes.length, 7);
    const after = await world.copies();
    for (const [copy, id] of Object.entries(before)) assert.equal(after[copy], id);
    assert.equal(world.hub.requests.length, 1, "the same content is not downloaded twice");
  }),
);

test(
  "does nothing over a converged device, and says nothing",
  within(async (world) => {
    await serving(world);
    await world.passed(20_000);
    world.runtime.calls.length = 0;
    const reports = world.reports.length;
    const entries = world.journal().unacknowledged();
    await world.passed(200_000);
    assert.deepEqual(world.runtime.calls, []);
    assert.equal(world.reports.length, reports);
    assert.equal(world.journal().unacknowledged(), entries);
  }),
);

type Break = (world: World) => void;
const failures: [string, string, Break, RegExp, string?][] = [
  [
    "lacks a value",
    "refused",
    () => undefined,
    /NOWHERE/,
    composeOf("z", "    user: $" + "{NOWHERE:?must be set}\n"),
  ],
  ["is not YAML", "refused", () => undefined, /compose\.yaml/, "services: [\n"],
  [
    "fails its own script",
    "refused",
    (world) => {
      world.validate = async () => {
        throw new FleetError("role_rejected", { message: "the script says no" });
      };
    },
    /the script says no/,
  ],
  [
    "names an image that does not exist",
    "refused",
    (world) => world.runtime.fail("pull", new FleetError("image_missing", { message: "no web:9" })),
    /no web:9/,
  ],
  [
    "wants a port that is taken",
    "refused",
    (world) => world.runtime.fail("check", new FleetError("port_taken", { message: "8080 taken" })),
    /8080 taken/,
  ],
  [
    "exits at once",
    "rolledBack",
    (world) => world.behave("z", { kind: "exits", code: 3 }),
    /web-1 ended with exit code 3/,
  ],
  [
    "cannot be started",
    "rolledBack",
    (world) => {
      const error = new FleetError("start_failed", { message: "exec format error" });
      world.behave("z", { kind: "fails", error });
    },
    /exec format error/,
  ],
  [
    "answers 500",
    "rolledBack",
    (world) => {
      world.probes = (letter) => [{ probe: "http", ok: letter !== "z", detail: "answered 500" }];
    },
    /not healthy 10 s after its start: answered 500/,
  ],
];

for (const [what, outcome, spoil, reason, compose] of failures) {
  test(
    `a release that ${what} is ${outcome}, and not tried again`,
    within(async (world) => {
      const before = await serving(world);
      const good = world.current();
      spoil(world);
      const role = withProbe;
      const bad = world.want({ letter: "z", role, ...(compose === undefined ? {} : { compose }) });
      await world.ended(bad, outcome);
      await world.until("health", () => world.app()?.health === "Healthy");
      world.validate = async () => undefined;
      world.runtime.fail("pull", undefined);
      world.runtime.fail("check", undefined);
      await world.passed(120_000);
      await world.stop();
      world.start();
      await world.passed(60_000);
      const updates = world.journal().updates({ limit: 20 });
      assert.deepEqual(
        updates.map((one) => one.outcome),
        [outcome, "succeeded"],
      );
      assert.match(updates[0]?.failure?.message ?? "", reason);
      const app = world.app();
      assert.match(app?.failure?.message ?? "", reason);
      assert.deepEqual(app?.quarantined, [revisionOf(bad)]);
      assert.deepEqual([app?.sync, app?.health], ["OutOfSync", "Healthy"]);
      assert.equal(world.current(), good);
      assert.equal((await world.copies())["db.1"], before["db.1"]);
      if (outcome === "refused") assert.deepEqual(await world.copies(), before);
    }),
  );
}

test(
  "clears a first release that fails away",
  within(async (world) => {
    world.behave("z", { kind: "exits", code: 1 });
    const bad = world.want({ letter: "z" });
    world.start();
    await world.ended(bad, "rolledBack");
    assert.deepEqual(await world.copies(), {});
    assert.equal(world.current(), undefined);
    await world.passed(1000);
    assert.equal(world.app()?.health, "Degraded");
    await world.converged(world.want({ letter: "a" }));
  }),
);

test(
  "a revert is a wish like any other, and shows its own commit",
  within(async (world) => {
    await serving(world);
    world.behave("z", { kind: "exits", code: 1 });
    await world.ended(world.want({ letter: "z" }), "rolledBack");
    const reports = world.reports.length;
    const reverted = world.want({ letter: "a", role: withProbe, commit: "d".repeat(40) });
    await world.converged(reverted);
    assert.equal(world.app()?.failure, undefined);
    await world.passed(1000);
    const since = world.reports.slice(reports).map(({ apps }) => apps[0]?.sync);
    assert.ok(
      since.every((sync) => sync === "Synced"),
      `no flicker: ${since.join(" ")}`,
    );
    assert.equal(world.journal().updates({ limit: 9 }).length, 2);
  }),
);

test(
  "installs the cure of a service that crashes again and again",
  within(async (world) => {
    await serving(world);
    world.runtime.change("web", 1, { state: "restarting", restarts: 9, exitCode: 1 });
    await world.converged(world.want({ letter: "b" }));
  }),
);

test(
  "judges the copies that a scale adds, though their configuration is not new",
  within(async (world) => {
    const compose = composeOf("a", "    deploy: { replicas: $COUNT }\n");
    const wanted = (count: string) => ({ letter: "a", compose, values: { COUNT: count } });
    const one = world.want(wanted("1"));
    world.start();
    await world.converged(one);
    world.behave("a", { kind: "exits", code: 7 });
    const two = world.want(wanted("2"));
    await world.ended(two, "rolledBack");
    assert.match(world.journal().updates({ limit: 1 })[0]?.failure?.message ?? "", /web-2 .* 7/);
    assert.deepEqual(Object.keys(await world.copies()).sort(), ["db.1", "web.1"]);
  }),
);

test(
  "tells with which code a crash loop ends, though the copy runs when it is judged",
  within(async (world) => {
    await serving(world);
    world.probes = () => [{ probe: "http", ok: false, detail: "refused the connection" }];
    const bad = world.want({ letter: "z", role: withProbe });
    await world.until("trial", () => world.app()?.step === "probe");
    world.runtime.change("web", 1, { state: "restarting", restarts: 2, exitCode: 42 });
    await world.passed(1000);
    const [copy] = (await world.runtime.observe()).filter(({ service }) => service === "web");
    assert.ok(copy);
    const { exitCode: _, ...running } = { ...copy, restarts: 3, state: "running" as const };
    world.runtime.change("web", 1, { ...running, exitCode: undefined as never });
    await world.ended(bad, "rolledBack");
    const [update] = world.journal().updates({ limit: 1 });
    assert.equal(update?.failure?.message, "web-1 crashed 3 times, last with exit code 42");
  }),
);
