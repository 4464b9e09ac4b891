import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { telemetryDirectory, telemetryEnvironment } from "#edge/telemetry/place.ts";
import { createTelemetry } from "#edge/telemetry/telemetry.ts";
import { AppName } from "#shared/ids.ts";
import { type Answer, send } from "#test/edge/telemetry/bench.ts";
import { suite } from "#test/suite.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: what workloads say");

type Post = (said: object) => Promise<Answer>;

/** Time flies here, so that each word holds for a day. */
function telling(body: (world: World, post: Post) => Promise<void>) {
  return within(async (world) => {
    const runDirectory = mkdtempSync(join(tmpdir(), "tele-"));
    const telemetry = createTelemetry({ runDirectory, clock: world.clock, warn: () => undefined });
    world.telemetry = telemetry;
    const environment = telemetryEnvironment(
      telemetryDirectory(runDirectory, AppName.parse("web")),
      { service: "web", index: 1 },
    );
    try {
      const first = world.want({ letter: "a" });
      world.start();
      await world.converged(first);
      await body(world, (said) => send(environment, { validSeconds: 86_400, ...said }));
    } finally {
      await world.stop();
      await telemetry.stop();
      rmSync(runDirectory, { recursive: true, force: true });
    }
  });
}

const said = (world: World) => world.reports.at(-1)?.telemetry;

test(
  "a copy that runs may post at once, and the hub is told",
  telling(async (world, post) => {
    assert.equal(said(world), undefined);
    assert.equal((await post({ state: "down", battery: { charge: 0.1 } })).status, 200);
    await world.until("the hub is told", () => said(world)?.apps[0]?.down === 1);
    assert.equal(said(world)?.apps[0]?.low_battery, 1);
    await post({ state: "operational" });
    await world.until("and of the change", () => said(world)?.apps[0]?.operational === 1);
  }),
);

test(
  "the same words again, and time that passes, are no report",
  telling(async (world, post) => {
    await post({ state: "operational", uptimeSeconds: 1 });
    await world.until("the hub is told", () => said(world) !== undefined);
    const reports = world.reports.length;
    await post({ state: "operational", uptimeSeconds: 500 });
    await world.passed(200_000);
    assert.equal(world.reports.length, reports);
    await post({ state: "operational", extensions: { gripper: "open" } });
    await world.until("told", () => said(world)?.workloads[0]?.extensions?.["gripper"] === "open");
  }),
);

test(
  "what an app said goes with the app",
  telling(async (world, post) => {
    await post({ state: "operational" });
    await world.until("the hub is told", () => said(world) !== undefined);
    world.wish([]);
    await world.until("gone", () => world.app() === undefined && said(world) === undefined);
    await assert.rejects(post({ state: "operational" }), { code: "ENOENT" });
  }),
);
