import * as assert from "node:assert/strict";
import { withTelemetry } from "#edge/telemetry/attach.ts";
import { digestOf } from "#edge/telemetry/digest.ts";
import { AppName } from "#shared/ids.ts";
import type { TelemetryDigest, WorkloadReport } from "#shared/telemetry.ts";
import { decode, encode, wire } from "#shared/wire.ts";
import { aReport } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { robot } from "./bench.ts";

const test = suite("edge/telemetry/attach");

const copies: WorkloadReport[] = Array.from({ length: 500 }, (_, n) => ({
  ...{ app: robot, service: "arm", instance: n + 1, at: 1 },
  ...(n < 400 ? { state: "operational" } : { state: "down", message: "x".repeat(200) }),
}));

/** A report of about so many bytes. */
function reportOf(bytes: number) {
  return aReport("pi-1", { specHash: "x".repeat(bytes) });
}

function attach(bytes: number): TelemetryDigest | undefined {
  const digest = (room: () => number) => digestOf(copies, Math.min(room(), 16 * 1024));
  const reported = withTelemetry(reportOf(bytes), { digest });
  const payload = encode("reported", reported);
  assert.deepEqual(decode("reported", payload), reported);
  return reported.telemetry;
}

test("counts are whole, the worst copies are listed first, and the rest is counted", () => {
  const digest = attach(10);
  assert.deepEqual(digest?.apps, [
    {
      ...{ app: robot, total: 500, operational: 400, degraded: 0 },
      ...{ down: 100, unknown: 0, low_battery: 0 },
    },
  ]);
  assert.ok(digest !== undefined && digest.workloads.length > 0);
  assert.ok(Buffer.byteLength(JSON.stringify(digest)) <= 16 * 1024);
  assert.ok(digest.workloads.every(({ state }) => state === "down"));
  assert.equal(digest.workloads.length + digest.omitted, 500);
});

test("a report that is nearly full loses copies, then the counts, and is passed at any size", () => {
  const { maxBytes } = wire.reported;
  const sizes = [
    maxBytes - 8000,
    maxBytes - 3000,
    maxBytes - 2200,
    maxBytes - 1900,
    maxBytes - 900,
  ];
  const listed = sizes.map((bytes) => attach(bytes)?.workloads.length);
  assert.deepEqual(
    listed.map((count, at) => at === 0 || (count ?? -1) <= (listed[at - 1] ?? -1)),
    sizes.map(() => true),
  );
  assert.equal(listed.at(-1), undefined);
});

test("without a word from anybody the report is as it was", () => {
  const reported = reportOf(10);
  assert.equal(withTelemetry(reported, undefined), reported);
  assert.equal(withTelemetry(reported, { digest: () => undefined }), reported);
  assert.equal(digestOf([], 1000), undefined);
});

test("a copy that is well but runs low comes before those that are well", () => {
  const [first, second] = copies;
  assert.ok(first && second);
  const low = { ...second, battery: { charge: 0.1 } };
  const other = { ...first, app: AppName.parse("cam") };
  assert.deepEqual(digestOf([other, low], 10_000)?.workloads, [low, other]);
});
