// What every store must do with what workloads say of themselves.
import assert from "node:assert/strict";
import type { DeviceChange, Store } from "#hub/store/port.ts";
import type { TelemetryDigest } from "#shared/telemetry.ts";
import { aReport, enrolFleet, id } from "./rows.ts";
import type { Check } from "./store_history.ts";
import { digestWith, saying } from "./telemetry_rows.ts";

function told(device: string, telemetry?: TelemetryDigest): DeviceChange {
  const reported = aReport(device, telemetry === undefined ? {} : { telemetry });
  return { id: id(device), connection: "Online", reported };
}

async function rows(store: Store): Promise<string[]> {
  const counts = await store.workloadCounts();
  return counts.map(
    ({ site, app, total, operational, degraded, down, unknown, low_battery }) =>
      `${site} ${app} ${total} = ${operational} + ${degraded} + ${down} + ${unknown}, ${low_battery}`,
  );
}

export function telemetry(check: Check): void {
  check("workloads are summed by site and app", async (store) => {
    await enrolFleet(store, 4);
    const robots = saying("robot", { operational: 9, down: 1, low_battery: 2 });
    await store.changeDevices([
      told("pi-0000", digestWith(robots)),
      told("pi-0002", digestWith(robots, saying("cam", { degraded: 1 }))),
      told("pi-0001", digestWith(saying("robot", { unknown: 1 }))),
      told("pi-0003"),
    ]);
    assert.deepEqual(await rows(store), [
      "site-0 cam 1 = 0 + 1 + 0 + 0, 0",
      "site-0 robot 20 = 18 + 0 + 2 + 0, 4",
      "site-1 robot 1 = 0 + 0 + 0 + 1, 0",
    ]);
  });
  check(
    "a new report takes the place of the last, and one without workloads clears",
    async (store) => {
      await enrolFleet(store, 1);
      const first = digestWith(saying("robot", { operational: 2 }), saying("cam", { down: 1 }));
      await store.changeDevices([told("pi-0000", first)]);
      const second = digestWith(saying("robot", { operational: 1, degraded: 1 }));
      await store.changeDevices([told("pi-0000", first), told("pi-0000", second)]);
      assert.deepEqual(await rows(store), ["site-0 robot 2 = 1 + 1 + 0 + 0, 0"]);
      await store.changeDevices([{ id: id("pi-0000"), heartbeatMs: 5 }]);
      assert.equal((await rows(store)).length, 1);
      await store.changeDevices([told("pi-0000")]);
      assert.deepEqual(await rows(store), []);
    },
  );
  check(
    "of a device that is not Online all is unknown, and known again when it is",
    async (store) => {
      await enrolFleet(store, 1);
      const digest = digestWith(saying("robot", { operational: 2, low_battery: 1 }));
      await store.changeDevices([told("pi-0000", digest)]);
      for (const connection of ["Stale", "Offline"] as const) {
        await store.changeDevices([{ id: id("pi-0000"), connection }]);
        assert.deepEqual(await rows(store), ["site-0 robot 2 = 0 + 0 + 0 + 2, 0"]);
      }
      await store.changeDevices([{ id: id("pi-0000"), connection: "Online" }]);
      assert.deepEqual(await rows(store), ["site-0 robot 2 = 2 + 0 + 0 + 0, 1"]);
    },
  );
  check("workloads follow their device to another site, and need none", async (store) => {
    await enrolFleet(store, 1);
    await store.changeDevices([told("pi-0000", digestWith(saying("robot", { down: 1 })))]);
    await store.changeDevices([{ id: id("pi-0000"), labels: { site: "moved" } }]);
    assert.deepEqual(await rows(store), ["moved robot 1 = 0 + 0 + 1 + 0, 0"]);
    await store.changeDevices([{ id: id("pi-0000"), labels: {} }]);
    assert.deepEqual(await rows(store), ["null robot 1 = 0 + 0 + 1 + 0, 0"]);
  });
  check(
    "a device that is unknown, or names an app twice, spoils nobody's report",
    async (store) => {
      await enrolFleet(store, 2);
      const twice = digestWith(saying("robot", { down: 1 }), saying("robot", { down: 2 }));
      const once = digestWith(saying("robot", { operational: 1 }));
      await store.changeDevices([
        told("pi-0000", twice),
        told("never-enrolled", once),
        told("pi-0001", once),
      ]);
      assert.deepEqual(await rows(store), [
        "site-0 robot 2 = 0 + 0 + 2 + 0, 0",
        "site-1 robot 1 = 1 + 0 + 0 + 0, 0",
      ]);
    },
  );
  check("the same report again writes no row for its workloads", async (store) => {
    await enrolFleet(store, 1);
    const report = told("pi-0000", digestWith(saying("robot", { operational: 1 })));
    await store.changeDevices([report]);
    const before = store.stats().rowsWritten;
    await store.changeDevices([report]);
    assert.equal(store.stats().rowsWritten - before, 1);
  });
}
