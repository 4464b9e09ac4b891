import * as assert from "node:assert/strict";
import type { SyncConfig } from "#edge/sync/sync.ts";
import { suite } from "#test/suite.ts";
import { startBroker } from "./broker.ts";
import {
  desiredState,
  freePort,
  reportedState,
  seal,
  startDevice,
  type TestDevice,
  until,
} from "./fixture.ts";
import { startGateway, type TestGateway } from "./gateway.ts";

const test = suite("sync over HTTP");

async function withDevice(
  config: Partial<SyncConfig>,
  body: (device: TestDevice, gateway: TestGateway) => Promise<void>,
): Promise<void> {
  const gateway = await startGateway();
  const device = startDevice({ hubUrl: gateway.url, ...config });
  try {
    await body(device, gateway);
  } finally {
    await device.remove();
    await gateway.stop();
  }
}

test("is the only way of a device without a broker's address, and begins at once", () =>
  withDevice({}, async ({ sync }, gateway) => {
    await until(() => sync.status().via === "http");
    await until(() => gateway.reports.length >= 3);
    assert.equal(gateway.reports[0]?.beat.bootId.length, 36);
  }));

test("fetches the desired state once and then only when its tag changes", () =>
  withDevice({ pollMs: 20 }, async ({ journal }, gateway) => {
    gateway.desire(3);
    await until(() => journal.desired()?.generation === 3);
    const count = gateway.reports.length;
    await until(() => gateway.reports.length > count + 3);
    assert.deepEqual(
      gateway.fetches.filter((status) => status === 200),
      [200],
    );
    gateway.desire(4);
    await until(() => journal.desired()?.generation === 4);
    assert.deepEqual(
      gateway.fetches.filter((status) => status === 200),
      [200, 200],
    );
  }));

test("sends a report once, and the journal until it is acknowledged, without waiting for the poll", () =>
  withDevice({ pollMs: 60_000 }, async ({ sync, journal }, gateway) => {
    await until(() => gateway.reports.length === 1);
    sync.report(reportedState(1));
    for (let i = 0; i < 1200; i++) journal.append({ kind: "event", body: { i } });
    sync.journalGrew();
    await until(() => journal.unacknowledged() === 0);
    assert.equal(gateway.stored.size, 1200);
    assert.equal(gateway.reports.filter(({ reported }) => reported !== undefined).length, 1);
  }));

test("sends everything again when the hub has lost its store", () =>
  withDevice({ pollMs: 20 }, async ({ sync, journal }, gateway) => {
    for (let i = 0; i < 700; i++) journal.append({ kind: "event", body: { i } });
    sync.journalGrew();
    await until(() => journal.unacknowledged() === 0);
    gateway.stored.clear();
    journal.append({ kind: "event", body: {} });
    sync.journalGrew();
    await until(() => gateway.stored.size === 701);
  }));

test("says why there is no connection, and goes on by itself", () =>
  withDevice({ pollMs: 20 }, async ({ sync }, gateway) => {
    for (const [fault, problem] of [
      [{ status: 503 }, /503/],
      [{ status: 401 }, /identity/],
      [{ status: 400 }, /400/],
      [{ status: 200, body: "no json" }, /malformed/],
      [{ status: 200, body: "x".repeat(100_000) }, /more than/],
    ] as const) {
      gateway.fault = fault;
      await until(() => problem.test(sync.status().problem ?? ""));
      assert.equal(sync.status().connected, false);
    }
    gateway.fault = undefined;
    await until(() => sync.status().connected);
  }));

test("steps in when MQTT is blocked, and steps back when it is not", async () => {
  const port = await freePort();
  await withDevice(
    { mqttUrl: `mqtt://127.0.0.1:${port}`, fallback: { failures: 3, afterMs: 60_000 }, pollMs: 20 },
    async ({ sync, journal }, gateway) => {
      await until(() => sync.status().via === "http");
      gateway.desire(2);
      await until(() => journal.desired()?.generation === 2);
      const broker = await startBroker(port);
      broker.desire(seal(desiredState(3)));
      await until(() => sync.status().via === "mqtt" && journal.desired()?.generation === 3);
      const count = gateway.reports.length;
      await until(() => (broker.heard.beat?.length ?? 0) >= 2);
      assert.ok(gateway.reports.length <= count + 1);
      await broker.stop();
      await until(() => sync.status().via === "http");
    },
  );
});

test("steps in after a time, when MQTT neither fails nor works", () =>
  withDevice(
    {
      mqttUrl: "mqtt://127.0.0.1:1",
      fallback: { failures: 1000, afterMs: 150 },
      reconnect: { baseMs: 60_000, maxMs: 60_000, stableMs: 60_000 },
    },
    async ({ sync }) => {
      await until(() => sync.status().via === "http");
      const began = performance.now();
      await sync.stop();
      assert.ok(performance.now() - began < 2000);
    },
  ));
