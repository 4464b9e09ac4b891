import * as assert from "node:assert/strict";
import type { Journal } from "#edge/journal/port.ts";
import { suite } from "#test/suite.ts";
import { withFarHub } from "./far_hub.ts";
import { desiredState, deviceId, reportedState, seal, startDevice, until } from "./fixture.ts";
import { startGateway } from "./gateway.ts";

const test = suite("catch-up after a long silence");

const outbox = {
  coalesceMs: 5,
  ackTimeoutMs: 2000,
  maxEntries: 500,
  maxBytes: 256 * 1024,
  firstBytes: 32 * 1024,
  catchUpMs: 2000,
};

function gather(entries: number) {
  return (journal: Journal): void => {
    for (let i = 0; i < entries; i++)
      journal.append({ kind: "event", body: { text: "x".repeat(100) } });
  };
}

test("begins at another moment on each device, with a small batch, and goes on in order", () =>
  withFarHub(async (hub) => {
    const firstMs: number[] = [];
    for (let round = 0; round < 4; round++) {
      hub.stored.length = 0;
      hub.heard.journal.length = 0;
      let beganMs = 0;
      const device = startDevice({ mqttUrl: hub.url, outbox }, (journal) => {
        gather(300)(journal);
        beganMs = performance.now();
      });
      await until(() => hub.heard.journal.length > 0);
      firstMs.push(performance.now() - beganMs);
      await until(() => device.journal.unacknowledged() === 0);
      const sizes = hub.heard.journal.map((batch) => JSON.stringify(batch).length);
      assert.ok((sizes[0] ?? 0) <= outbox.firstBytes + 1024, `${sizes[0]} bytes at first`);
      assert.ok(Math.max(...sizes) <= outbox.maxBytes + 1024);
      assert.deepEqual(
        hub.stored,
        hub.stored.toSorted((a, b) => a - b),
      );
      assert.equal(hub.stored.length, 300);
      await device.remove();
    }
    assert.ok(Math.max(...firstMs) - Math.min(...firstMs) > 50, firstMs.join());
    assert.ok(Math.max(...firstMs) < outbox.catchUpMs + 20_000);
  }));

test("holds up neither the desired state nor the report", () =>
  withFarHub(async (hub) => {
    const slow = { ...outbox, catchUpMs: 3_600_000 };
    const device = startDevice({ mqttUrl: hub.url, outbox: slow }, gather(400));
    device.sync.report(reportedState(0));
    await until(() => hub.heard.reported.length === 1);
    hub.broker.publishDesired(deviceId, seal(desiredState(1)));
    await until(() => device.journal.desired()?.generation === 1);
    assert.equal(hub.heard.journal.length, 0);
    await device.remove();
  }));

test("waits for no time where there is no backlog", () =>
  withFarHub(async (hub) => {
    const slow = { ...outbox, catchUpMs: 3_600_000 };
    const device = startDevice({ mqttUrl: hub.url, outbox: slow }, gather(20));
    await until(() => device.journal.unacknowledged() === 0);
    await device.remove();
  }));

test("fetches the desired state over HTTP before the backlog is through", async () => {
  const gateway = await startGateway();
  gateway.desire(1);
  const quick = { ...outbox, catchUpMs: 0 };
  const device = startDevice({ hubUrl: gateway.url, pollMs: 50, outbox: quick }, gather(600));
  const waiting: number[] = [];
  device.sync.onChange(() => {
    if (device.journal.desired() !== undefined) waiting.push(device.journal.unacknowledged());
  });
  try {
    await until(() => device.journal.unacknowledged() === 0 && waiting.length > 0);
    assert.ok((waiting[0] ?? 0) > 300, `${waiting[0]} entries were left`);
    assert.equal(gateway.stored.size, 601);
  } finally {
    await device.remove();
    await gateway.stop();
  }
});
