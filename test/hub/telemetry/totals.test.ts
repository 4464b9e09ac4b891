import * as assert from "node:assert/strict";
import { deviceWorkloads, totalsOf } from "#hub/telemetry/totals.ts";
import { noWorkloads } from "#shared/telemetry.ts";
import { digestWith, saying } from "#test/contract/telemetry_rows.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/telemetry/totals");

test("the fleet, each site and each app have the sums of their rows", () => {
  const robots = saying("robot", { operational: 3, low_battery: 1 });
  const cams = saying("cam", { down: 1, unknown: 1 });
  const totals = totalsOf([
    { site: "b", ...robots },
    { site: "a", ...robots },
    { site: "a", ...cams },
    { site: null, ...cams },
  ]);
  const { sites, apps, ...fleet } = totals;
  const { app: _, ...sum } = saying("all", { operational: 6, down: 2, unknown: 2, low_battery: 2 });
  assert.deepEqual(fleet, sum);
  assert.deepEqual(
    sites.map(({ site, total, low_battery }) => [site, total, low_battery]),
    [
      ["a", 5, 1],
      ["b", 3, 1],
    ],
  );
  assert.deepEqual(apps, [
    saying("cam", { down: 2, unknown: 2 }),
    saying("robot", { operational: 6, low_battery: 2 }),
  ]);
});

test("a fleet whose workloads say nothing has zeros", () => {
  assert.deepEqual(totalsOf([]), { ...noWorkloads(), sites: [], apps: [] });
  assert.deepEqual(deviceWorkloads(null, "Online"), { ...noWorkloads(), apps: [] });
});

test("of a device that is not heard all copies are unknown", () => {
  const telemetry = digestWith(saying("robot", { operational: 2, low_battery: 2 }));
  assert.deepEqual(deviceWorkloads({ telemetry }, "Online").apps, telemetry.apps);
  const stale = deviceWorkloads({ telemetry }, "Stale");
  assert.deepEqual(
    [stale.total, stale.unknown, stale.operational, stale.low_battery],
    [2, 2, 0, 0],
  );
  assert.deepEqual(stale.apps, [saying("robot", { unknown: 2 })]);
});
