import * as assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { makeTelemetryPlace, telemetryDirectory, telemetrySocket } from "#edge/telemetry/place.ts";
import { AppName } from "#shared/ids.ts";
import { TelemetryDigest } from "#shared/telemetry.ts";
import { suite } from "#test/suite.ts";
import { appReport, robot, send, type TelemetryBench, telemetryBench } from "./bench.ts";

const test = suite("edge/telemetry");
const roomy = () => 100_000;

async function within(body: (bench: TelemetryBench) => Promise<void>): Promise<void> {
  const bench = telemetryBench();
  try {
    await bench.telemetry.observe([appReport("robot", { arm: 2 })]);
    await body(bench);
  } finally {
    await bench.close();
  }
}

const states = ({ telemetry }: TelemetryBench) =>
  telemetry.workloads().map(({ service, instance, state }) => `${service} ${instance} ${state}`);

test("what a copy posts stands under its app, service and number, and the hub's schema takes it", () =>
  within(async (bench) => {
    const said = {
      state: "operational",
      battery: { charge: 0.13 },
      extensions: { gripper: "open" },
    };
    assert.deepEqual(await bench.post(said), { status: 200, body: { ignored: [] } });
    await bench.post({ state: "down", message: "wheel stuck" }, { index: 2 });
    const digest = TelemetryDigest.parse(bench.telemetry.digest(roomy));
    assert.deepEqual(digest.apps, [
      { app: "robot", total: 2, operational: 1, degraded: 0, down: 1, unknown: 0, low_battery: 1 },
    ]);
    const [worst, other] = digest.workloads;
    assert.equal(worst?.message, "wheel stuck");
    assert.deepEqual(other, {
      ...said,
      app: "robot",
      service: "arm",
      instance: 1,
      at: 1_700_000_001_000,
    });
    assert.equal(digest.omitted, 0);
  }));

test("a post is refused by field and reason, and the last good word stays", () =>
  within(async (bench) => {
    await bench.post({ state: "operational" });
    const { status, body } = await bench.post({ state: "fine", battery: { charge: 55 } });
    assert.equal(status, 400);
    assert.equal(body.code, "request_invalid");
    assert.match(body.detail, /^state: .*operational.*; battery\.charge: .*<=1$/);
    assert.match(body.hint, /extensions/);
    assert.deepEqual(states(bench), ["arm 1 operational"]);
  }));

test("a field that this version does not know is named, and the rest counts", () =>
  within(async (bench) => {
    const { status, body } = await bench.post({ state: "degraded", batery: 1 });
    assert.deepEqual({ status, body }, { status: 200, body: { ignored: ["batery"] } });
    assert.deepEqual(states(bench), ["arm 1 degraded"]);
  }));

test("nobody speaks for a copy, a service or an app that is not there", () =>
  within(async (bench) => {
    for (const copy of [{ index: 3 }, { index: 0 }, { service: "leg" }, { service: "%2e%2e" }]) {
      const { status, body } = await bench.post({ state: "operational" }, copy);
      assert.equal(status, 404, JSON.stringify(copy));
      assert.match(body.detail, /it has arm 1 to 2/);
    }
    const other = AppName.parse("camera");
    await assert.rejects(bench.post({ state: "operational" }, { app: other }), { code: "ENOENT" });
    assert.deepEqual(states(bench), []);
  }));

test("a body that is no JSON, not an object or too large is refused", () =>
  within(async (bench) => {
    assert.equal((await bench.post("state=up")).status, 400);
    assert.equal((await bench.post([1])).status, 400);
    const large = { state: "operational", message: "x".repeat(5000) };
    assert.equal((await bench.post(large)).status, 413);
    assert.deepEqual(states(bench), []);
  }));

test("an app that posts without end is slowed down, and another is not", () =>
  within(async (bench) => {
    await bench.telemetry.observe([
      appReport("robot", { arm: 2 }),
      appReport("camera", { eye: 1 }),
    ]);
    const answers = [];
    for (let post = 0; post < 62; post += 1) answers.push(await bench.post({ state: "down" }));
    assert.equal(answers.filter(({ status }) => status === 200).length, 60);
    assert.equal(answers.at(-1)?.status, 429);
    const eye = { app: AppName.parse("camera"), service: "eye" };
    assert.equal((await bench.post({ state: "operational" }, eye)).status, 200);
    bench.pass(1000);
    assert.equal((await bench.post({ state: "down" })).status, 200);
  }));

test("after the silence that it allows itself a copy is unknown, and its values are gone", () =>
  within(async (bench) => {
    await bench.post({ state: "operational", battery: { charge: 0.1 }, validSeconds: 10 });
    await bench.post({ state: "operational" }, { index: 2 });
    bench.pass(9999);
    assert.deepEqual(states(bench), ["arm 1 operational", "arm 2 operational"]);
    bench.pass(1);
    assert.deepEqual(states(bench), ["arm 1 unknown", "arm 2 operational"]);
    assert.deepEqual(bench.telemetry.digest(roomy)?.apps, [
      { app: "robot", total: 2, operational: 1, degraded: 0, down: 0, unknown: 1, low_battery: 0 },
    ]);
    bench.pass(170_000);
    assert.deepEqual(states(bench), ["arm 1 unknown", "arm 2 unknown"]);
    await bench.post({ state: "degraded" });
    assert.deepEqual(states(bench), ["arm 1 degraded", "arm 2 unknown"]);
  }));

test("copies and apps that went are forgotten, with their socket", () =>
  within(async (bench) => {
    await bench.post({ state: "operational" }, { index: 2 });
    await bench.telemetry.observe([appReport("robot", { arm: 1 })]);
    assert.deepEqual(states(bench), []);
    await bench.telemetry.observe([]);
    await assert.rejects(bench.post({ state: "operational" }), { code: "ENOENT" });
  }));

test("the hub is told of a state within ten seconds and of values within a minute, not sooner", () =>
  within(async (bench) => {
    const charge = (): number | undefined =>
      bench.telemetry.digest(roomy)?.workloads[0]?.battery?.charge;
    const say = (state: string, share: number) => bench.post({ state, battery: { charge: share } });
    await say("operational", 0.9);
    assert.equal(charge(), 0.9);
    await say("operational", 0.8);
    bench.pass(59_000);
    assert.equal(charge(), 0.9);
    bench.pass(1000);
    assert.equal(charge(), 0.8);
    await say("degraded", 0.7);
    bench.pass(9000);
    assert.equal(charge(), 0.8);
    bench.pass(1000);
    assert.equal(charge(), 0.7);
  }));

test("a socket that was taken away is there again after the next look", () =>
  within(async (bench) => {
    rmSync(`${bench.runDirectory}/.telemetry`, { recursive: true });
    await bench.telemetry.observe([appReport("robot", { arm: 1 })]);
    assert.equal((await bench.post({ state: "operational" })).status, 200);
  }));

test("what a killed agent left behind is replaced; what another agent holds is not", () =>
  within(async (bench) => {
    const place = async (name: string): Promise<string> => {
      const app = AppName.parse(name);
      return telemetrySocket((await makeTelemetryPlace(bench.runDirectory, app)) ?? "");
    };
    writeFileSync(await place("left"), "");
    const other = createServer().listen(await place("taken"));
    await once(other, "listening");
    try {
      await bench.telemetry.observe([appReport("left", { a: 1 }), appReport("taken", { a: 1 })]);
      await bench.telemetry.observe([appReport("left", { a: 1 }), appReport("taken", { a: 1 })]);
      const left = { app: AppName.parse("left"), service: "a" };
      assert.equal((await bench.post({ state: "operational" }, left)).status, 200);
      assert.deepEqual(bench.warnings.length, 1);
      assert.match(bench.warnings[0] ?? "", /^taken: another agent listens/);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  }));

test("everyone who sees the directory may post, and nobody but the agent may write there", () =>
  within(async (bench) => {
    const directory = telemetryDirectory(bench.runDirectory, robot);
    assert.equal(statSync(telemetrySocket(directory)).mode & 0o777, 0o666);
    assert.equal(statSync(directory).mode & 0o777, 0o755);
  }));

test("where no socket can be made the app is told of none", async () => {
  assert.equal(await makeTelemetryPlace(undefined, robot), undefined);
  assert.equal(await makeTelemetryPlace("/dev/null/run", robot), undefined);
  assert.equal(await makeTelemetryPlace(`/tmp/${"x".repeat(90)}`, robot), undefined);
});

test("only the address in FLEET_TELEMETRY_URL answers", () =>
  within(async (bench) => {
    const directory = telemetryDirectory(bench.runDirectory, robot);
    const answer = await send(
      {
        FLEET_TELEMETRY_SOCKET: telemetrySocket(directory),
        FLEET_TELEMETRY_URL: "http://localhost/v1/status",
      },
      {},
    );
    assert.equal(answer.status, 404);
    assert.match(answer.body.hint, /FLEET_TELEMETRY_URL/);
  }));

test("an agent that starts again tells the totals from before, until they are too old", () =>
  within(async (bench) => {
    await bench.post({ state: "operational", validSeconds: 60 });
    await bench.post({ state: "down" }, { index: 2 });
    const before = bench.telemetry.digest(roomy);
    bench.pass(5000);
    await bench.restart();
    await bench.telemetry.observe([appReport("robot", { arm: 2 })]);
    assert.deepEqual(bench.telemetry.digest(roomy), before);
    await bench.post({ state: "degraded" });
    assert.deepEqual(states(bench), ["arm 1 degraded", "arm 2 down"]);
    bench.pass(200_000);
    assert.deepEqual(states(bench), ["arm 1 unknown", "arm 2 unknown"]);
  }));

test("a word that is said again and again is kept as it was said last", () =>
  within(async (bench) => {
    for (let said = 0; said < 10; said += 1) {
      await bench.post({ state: "operational" });
      bench.telemetry.digest(roomy);
      bench.pass(31_000);
    }
    // Nothing is written at its end: the process was killed.
    const path = join(bench.runDirectory, ".telemetry", "last.json");
    const written = (): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
    while (!written().includes('"writtenMs":280000')) await new Promise(setImmediate);
    const kept = written();
    await bench.restart({ between: () => writeFileSync(path, kept) });
    await bench.telemetry.observe([appReport("robot", { arm: 1 })]);
    assert.deepEqual(states(bench), ["arm 1 operational"]);
  }));

test("what was kept of copies that are gone, or of another boot, counts no more", () =>
  within(async (bench) => {
    await bench.post({ state: "operational" });
    await bench.post({ state: "down" }, { index: 2 });
    bench.telemetry.digest(roomy);
    await bench.restart();
    await bench.telemetry.observe([appReport("robot", { arm: 1 })]);
    assert.deepEqual(states(bench), ["arm 1 operational"]);
    await bench.restart({ isReboot: true });
    await bench.telemetry.observe([appReport("robot", { arm: 2 })]);
    assert.equal(bench.telemetry.digest(roomy), undefined);
  }));

test("a file that cannot be read is as none", () =>
  within(async (bench) => {
    writeFileSync(join(bench.runDirectory, ".telemetry", "last.json"), "{torn");
    await bench.restart();
    await bench.telemetry.observe([appReport("robot", { arm: 1 })]);
    assert.equal(bench.telemetry.digest(roomy), undefined);
    await bench.post({ state: "operational" });
    assert.deepEqual(states(bench), ["arm 1 operational"]);
  }));
