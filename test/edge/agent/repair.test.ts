// Repairs of what serves, and apps beside each other, of which one is slow or broken.
import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { composeOf } from "./bundles.ts";
import { serving, slowHub, withProbe } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: repairs");

test(
  "repairs what serves beside a slow download, and goes on with it",
  within(async (world) => {
    await serving(world);
    const open = slowHub(world);
    const next = world.want({ letter: "b" });
    await world.until("fetch", () => world.app()?.step === "fetch");
    await world.passed(16_000);
    world.runtime.calls.length = 0;
    world.runtime.change("web", 1, { state: "exited", exitCode: 137 });
    await world.until("repair", () => world.runtime.calls.includes("start web/web.1"));
    assert.equal(world.app()?.step, "fetch");
    open();
    await world.converged(next);
  }),
);

test(
  "brings a cure that is slow to prepare, though what it cures cannot be repaired",
  within(async (world) => {
    await serving(world);
    world.behave("a", {
      kind: "fails",
      error: new FleetError("start_failed", { message: "broken" }),
    });
    world.runtime.change("web", 1, { state: "exited", exitCode: 1 });
    const open = slowHub(world);
    const next = world.want({ letter: "b" });
    await world.passed(20_000);
    open();
    await world.converged(next);
  }),
);

test(
  "tries a repair that fails again with growing pauses, and journals it once",
  within(async (world) => {
    await serving(world);
    world.behave("a", {
      kind: "fails",
      error: new FleetError("start_failed", { message: "broken" }),
    });
    world.runtime.calls.length = 0;
    world.runtime.change("web", 1, { state: "exited", exitCode: 1 });
    await world.until("failure", () => world.app()?.failure?.message === "broken");
    await world.passed(600_000);
    const tries = world.runtime.calls.filter((call) => call === "start web/web.1").length;
    assert.ok(tries >= 3 && tries < 12, `${tries} tries in ten minutes`);
    const events = world.journal().entries({ kinds: ["event", "drift.found"], limit: 100 });
    assert.deepEqual(events.map(({ body }) => String(body["reason"])).sort(), [
      "DriftFound",
      "RepairFailed",
    ]);
    world.behave("a", { kind: "runs" });
    await world.until("repair", () => world.app()?.health === "Healthy");
    await world.until("no failure", () => world.app()?.failure === undefined);
  }),
);

test(
  "does not spin over a copy that ends as soon as it is started",
  within(async (world) => {
    await serving(world);
    world.behave("a", { kind: "exits", code: 0 });
    world.runtime.calls.length = 0;
    world.runtime.change("web", 1, { state: "exited", exitCode: 0 });
    await world.passed(600_000);
    const tries = world.runtime.calls.filter((call) => call === "start web/web.1").length;
    assert.ok(tries >= 3 && tries < 15, `${tries} starts in ten minutes`);
  }),
);

test(
  "on the way back tries with pauses, and keeps the first reason",
  within(async (world) => {
    await serving(world);
    world.behave("z", { kind: "exits", code: 9 });
    world.behave("a", {
      kind: "fails",
      error: new FleetError("start_failed", { message: "broken" }),
    });
    world.runtime.calls.length = 0;
    const bad = world.want({ letter: "z" });
    await world.ended(bad, "rolledBack");
    const starts = world.runtime.calls.filter((call) => call === "start web/web.1").length;
    assert.ok(starts > 1 && starts < 8, `${starts} starts within the grace period`);
    assert.match(world.journal().updates({ limit: 1 })[0]?.failure?.message ?? "", /exit code 9/);
    world.behave("a", { kind: "runs" });
    await world.until("repair", () => world.app()?.health === "Healthy");
  }),
);

test(
  "a probe that hangs costs its release, and holds up nothing else",
  within(async (world) => {
    await serving(world);
    world.probes = (letter) =>
      letter === "b" ? new Promise(() => undefined) : [{ probe: "http", ok: true, detail: "" }];
    const bad = world.want({ letter: "b", role: withProbe });
    await world.ended(bad, "rolledBack");
    await world.until("health", () => world.app()?.health === "Healthy");
    const other = world.hub.spec("other", { letter: "o" });
    world.wish([bad, other]);
    await world.converged(other);
  }),
);

test(
  "a script that hangs in one app does not keep another from its update",
  within(async (world) => {
    await serving(world);
    world.validate = (staged, { signal }) =>
      staged.spec.name === "web"
        ? new Promise((_, reject) => {
            const stop = (): void => reject(new FleetError("interrupted", { message: "stopped" }));
            signal.addEventListener("abort", stop);
          })
        : Promise.resolve();
    const slow = world.hub.spec("web", { letter: "b" });
    const other = world.hub.spec("other", { letter: "o" });
    world.wish([slow, other]);
    await world.converged(other);
    assert.equal(world.app("web")?.step, "validate");
    world.validate = async () => undefined;
    world.wish([world.hub.spec("web", { letter: "c" }), other]);
    await world.until("c", () => world.app("web")?.sync === "Synced");
  }),
);

test(
  "a copy that is slow to stop in one app does not keep another from being repaired",
  within(async (world) => {
    const other = world.hub.spec("other", { letter: "o" });
    const web = world.hub.spec("web", { letter: "a" });
    world.wish([web, other]);
    world.start();
    await world.converged(web);
    await world.converged(other);
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    world.slowly("remove", gate);
    world.wish([world.hub.spec("web", { letter: "b" }), other]);
    await world.until("start", () => world.app("web")?.step === "start");
    world.runtime.change("db", 1, { state: "exited", exitCode: 1 });
    await world.until("repair", () => world.runtime.calls.at(-1) === "start other/db.1");
    open();
    await world.until("b", () => world.app("web")?.sync === "Synced");
  }),
);

test(
  "a service that the release left as it was is repaired beside the trial and does not decide it",
  within(async (world) => {
    const compose = (letter: string) =>
      composeOf(letter, "  gate:\n    image: gate:1\n    restart: always\n    depends_on: [db]\n");
    const first = world.want({ letter: "a", compose: compose("a") });
    world.start();
    await world.converged(first);
    world.runtime.behave("db", {
      kind: "fails",
      error: new FleetError("start_failed", { message: "db broken" }),
    });
    world.runtime.change("db", 1, { state: "exited", exitCode: 1 });
    const next = world.want({ letter: "b", compose: compose("b") });
    await world.ended(next, "succeeded");
    world.runtime.behave("db", { kind: "runs" });
    await world.converged(next);
  }),
);

const drifts = (world: World): string[] =>
  world
    .journal()
    .entries({ kinds: ["drift.found", "drift.repaired"], limit: 20 })
    .map(({ body }) => `${String(body["reason"])}: ${String(body["message"])}`)
    .toReversed();

test(
  "what was changed under a running copy is put right in place, and the event names it",
  within(async (world) => {
    const before = await serving(world);
    const edited = ["the memory limit is 32 MiB instead of 64 MiB"];
    world.runtime.change("web", 1, { edited, detachedFrom: ["web_default"] });
    await world.until("the repair", () => drifts(world).length === 2);
    assert.deepEqual(drifts(world), [
      "DriftFound: start web-1 (web-1: the memory limit is 32 MiB instead of 64 MiB; web-1: it is not attached to network web_default)",
      "DriftRepaired: as the release wants it",
    ]);
    assert.deepEqual(await world.copies(), before);
  }),
);

test(
  "a copy that has lost a volume is made anew, its neighbour stays, and the event names the volume",
  within(async (world) => {
    const before = await serving(world);
    world.runtime.change("web", 1, { lost: ["volume web_data is gone"] });
    await world.until("the repair", () => drifts(world).length === 2);
    assert.equal(drifts(world)[0], "DriftFound: stop web-1 (web-1: volume web_data is gone)");
    const after = await world.copies();
    assert.notEqual(after["web.1"], before["web.1"]);
    assert.equal(after["db.1"], before["db.1"]);
  }),
);
