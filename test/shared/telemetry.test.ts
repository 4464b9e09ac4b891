import * as assert from "node:assert/strict";
import { FleetError } from "#shared/errors.ts";
import { AppName } from "#shared/ids.ts";
import { readTelemetry, Telemetry } from "#shared/telemetry.ts";
import { workloadWords } from "#shared/telemetry_words.ts";
import { suite } from "#test/suite.ts";

const test = suite("shared/telemetry");

const whole = Telemetry.parse({
  state: "degraded",
  message: "map is old",
  battery: { charge: 0.55, charging: false, voltageVolts: 24.1 },
  position: { map: "hall-2", xMeters: 3.14, yMeters: -2, thetaRadians: 1.5 },
  temperatureCelsius: 41.26,
  uptimeSeconds: 7200,
  task: { name: "patrol", state: "running", progress: 0.5 },
  counters: { picks: 12 },
  extensions: { gripper: "open", torque: 1.5, armed: true },
  validSeconds: 60,
});

test("everything that can be said is taken as it was said", () => {
  assert.deepEqual(readTelemetry(whole), { telemetry: whole, ignored: [] });
  assert.deepEqual(readTelemetry({ state: "operational", later: 1 }).ignored, ["later"]);
});

const many = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, n]));
for (const [post, sentence] of [
  [null, /expected object/],
  [{}, /^state: /],
  [{ state: "ok" }, /^state: .*"operational"\|"degraded"\|"down"/],
  [{ state: "down", battery: {} }, /^battery\.charge: .*expected number/],
  [{ state: "down", battery: { charge: 13 } }, /^battery\.charge: .*<=1/],
  [{ state: "down", battery: { charge: Number.NaN } }, /^battery\.charge: /],
  [{ state: "down", position: { latitude: 91, longitude: 0 } }, /^position\.latitude: .*<=90/],
  [{ state: "down", position: { latitude: 1 } }, /^position: needs latitude and longitude, or map/],
  [{ state: "down", temperatureCelsius: -300 }, /^temperatureCelsius: /],
  [{ state: "down", uptimeSeconds: -1 }, /^uptimeSeconds: /],
  [{ state: "down", task: { name: "" } }, /^task\.name: /],
  [{ state: "down", counters: { a: -1 } }, /^counters\.a: /],
  [{ state: "down", counters: many }, /^counters: has more than 16 entries/],
  [{ state: "down", extensions: many }, /^extensions: has more than 16 entries/],
  [{ state: "down", extensions: { a: null } }, /^extensions\.a: must be a finite number, a text/],
  [{ state: "down", extensions: { a: [1] } }, /^extensions\.a: must be a finite number/],
  [{ state: "down", extensions: { a: Number.POSITIVE_INFINITY } }, /^extensions\.a: must be/],
  [{ state: "down", extensions: { "9a": 1 } }, /^extensions\.9a: is no name/],
  [{ state: "down", extensions: { a: "x".repeat(129) } }, /^extensions\.a: .*128/],
  [{ state: "down", message: "bell\u0007" }, /^message: has a control character/],
  [{ state: "down", message: "half \uD800" }, /^message: .*half of a surrogate pair/],
  [{ state: "down", validSeconds: 1 }, /^validSeconds: .*>=10/],
] as const) {
  test(`refused by field and reason: ${JSON.stringify(post)?.slice(0, 60)}`, () => {
    assert.throws(
      () => readTelemetry(post),
      (error) =>
        error instanceof FleetError &&
        error.code === "request_invalid" &&
        sentence.test(error.message),
    );
  });
}

test("every fault of one post is told at once", () => {
  const post = { state: "fine", battery: { charge: 2 } };
  assert.throws(() => readTelemetry(post), /state: .*; battery\.charge: /);
});

test("words are few, and in a fixed order", () => {
  const copy = { app: AppName.parse("robot"), service: "arm", instance: 1, at: 1 };
  assert.equal(
    workloadWords({ ...whole, ...copy }).join(", "),
    "map is old, battery 55 %, task patrol running 50 %, at hall-2 3.1, -2 m, 41.3 °C, up for 2 h, " +
      "picks=12, gripper=open, torque=1.5, armed=true",
  );
  const globe = { latitude: 52.5, longitude: 13.4 };
  assert.deepEqual(
    workloadWords({ ...copy, state: "operational", position: globe, battery: { charge: 0.1999 } }),
    ["low battery 20 %", "at 52.50000, 13.40000"],
  );
});
