import * as assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { Journal } from "#edge/journal/port.ts";
import type { OpenLink } from "#edge/sync/link.ts";
import { openMqttLink } from "#edge/sync/mqtt.ts";
import type { Rhythm } from "#edge/sync/port.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { withFarHub } from "./far_hub.ts";
import { desiredState, deviceId, reportedState, seal, startDevice, until } from "./fixture.ts";
import { startGateway } from "./gateway.ts";

const test = suite("low power");

const keep: Rhythm = { pollMs: 900_000, connection: "keep" };

function speak(journal: Journal): void {
  journal.append({ kind: "agent.started", body: {} });
}

test("keeps its connection with a stretched keepalive, and wakes within two seconds of a signal", () =>
  withFarHub(async (hub) => {
    const keepalives: number[] = [];
    const open: OpenLink = (options) => {
      keepalives.push(options.keepaliveSeconds);
      return openMqttLink(options);
    };
    const device = startDevice({ mqttUrl: hub.url }, speak, undefined, open);
    device.sync.report(reportedState(0));
    await until(() => device.sync.status().connected);
    device.sync.setRhythm(keep);
    device.sync.setRhythm({ ...keep });
    await until(() => hub.heard.beat.at(-1)?.heartbeatMs === 900_000);
    await until(() => hub.heard.reported.at(-1)?.heartbeatMs === 900_000);
    assert.deepEqual(keepalives, [30, 900]);
    let before = hub.proxy.passed();
    for (let last = {}; !isDeepStrictEqual(last, before); before = hub.proxy.passed()) {
      last = before;
      await systemClock.sleep(300);
    }
    await systemClock.sleep(3000);
    assert.deepEqual(hub.proxy.passed(), before, "an idle connection is silent between two polls");
    const beganMs = performance.now();
    hub.broker.publishDesired(deviceId, seal(desiredState(1)));
    await until(() => device.journal.desired()?.generation === 1);
    assert.ok(performance.now() - beganMs < 2000);
    assert.deepEqual(
      hub.heard.conn.filter(({ state }) => state === "offline"),
      [],
    );
    device.sync.setRhythm(undefined);
    await until(() => hub.heard.beat.at(-1)?.heartbeatMs === 200);
    assert.deepEqual(keepalives, [30, 900, 30]);
    await device.remove();
  }));

test("says the most that MQTT can say for a rhythm that is slower still", () =>
  withFarHub(async (hub) => {
    const keepalives: number[] = [];
    const open: OpenLink = (options) => {
      keepalives.push(options.keepaliveSeconds);
      return openMqttLink(options);
    };
    const device = startDevice({ mqttUrl: hub.url }, speak, undefined, open);
    device.sync.setRhythm({ pollMs: 200_000_000, connection: "keep" });
    await until(() => keepalives.at(-1) === 65_535 && device.sync.status().connected);
    await device.remove();
  }));

test("costs about a kilobyte at each poll while nothing happens", () =>
  withFarHub(async (hub) => {
    const device = startDevice({ mqttUrl: hub.url, isolatedAfterMs: 1000 }, speak);
    device.sync.setRhythm({ pollMs: 1000, connection: "keep" });
    await until(() => hub.heard.beat.length >= 2 && device.journal.unacknowledged() === 0);
    const before = hub.proxy.passed();
    const beats = hub.heard.beat.length;
    await until(() => hub.heard.beat.length >= beats + 4);
    const after = hub.proxy.passed();
    const polls = hub.heard.beat.length - beats;
    const bytes = (after.up - before.up + after.down - before.down) / polls;
    assert.ok(bytes > 100 && bytes < 1500, `${bytes} bytes`);
    assert.equal(device.sync.status().isolated, false);
    await device.remove();
  }));

test("sleeps between polls, is gone from the network, and takes the desired state at the next one", () =>
  withFarHub(async (hub) => {
    const pollMs = 4000;
    const device = startDevice({ mqttUrl: hub.url }, speak);
    const { sync, journal } = device;
    await until(() => sync.status().connected);
    sync.report(reportedState(0));
    sync.setRhythm({ pollMs, connection: "sleep" });
    await until(() => hub.heard.conn.at(-1)?.state === "offline");
    assert.equal(hub.heard.conn.at(-1)?.nextInMs, pollMs);
    assert.equal(journal.unacknowledged(), 0);
    await until(() => hub.proxy.connections() === 0);
    await until(() => /asleep/.test(sync.status().problem ?? ""));
    const before = hub.proxy.passed();
    journal.append({ kind: "event", body: {} });
    sync.journalGrew();
    hub.broker.publishDesired(deviceId, seal(desiredState(1)));
    const beganMs = performance.now();
    await systemClock.sleep(1000);
    assert.deepEqual(hub.proxy.passed(), before, "nothing is on the wire while it sleeps");
    await until(() => journal.desired()?.generation === 1);
    assert.ok(performance.now() - beganMs < 2 * pollMs);
    await until(() => journal.unacknowledged() === 0 && hub.heard.conn.at(-1)?.state === "offline");
    assert.equal(hub.heard.reported.at(-1)?.heartbeatMs, pollMs);
    assert.equal(sync.status().isolated, false);
    sync.setRhythm({ pollMs, connection: "keep" });
    await until(() => hub.heard.conn.at(-1)?.state === "online" && sync.status().connected);
    await device.remove();
    await until(() => hub.heard.conn.at(-1)?.state === "offline");
    assert.equal(hub.heard.conn.at(-1)?.nextInMs, undefined);
  }));

test("goes back to sleep without an answer, and says in time that the hub is lost", () =>
  withFarHub(async (hub) => {
    hub.proxy.set({ refuse: true });
    const device = startDevice({ mqttUrl: hub.url, isolatedAfterMs: 100 }, speak);
    device.sync.setRhythm({ pollMs: 300, connection: "sleep" });
    await until(() => device.sync.status().isolated);
    const lastMs = device.sync.status().lastContactMonotonicMs;
    assert.equal(lastMs, undefined);
    hub.proxy.set({});
    await until(() => !device.sync.status().isolated);
    await until(() => device.journal.unacknowledged() === 0);
    await device.remove();
  }));

for (const mqttUrl of [undefined, "mqtt://127.0.0.1:1"]) {
  test(`sleeps as well where only HTTP passes, ${mqttUrl === undefined ? "by choice" : "by need"}`, async () => {
    const gateway = await startGateway();
    const device = startDevice(
      { hubUrl: gateway.url, ...(mqttUrl === undefined ? {} : { mqttUrl }) },
      speak,
    );
    try {
      device.sync.setRhythm({ pollMs: 3000, connection: "sleep" });
      await until(() => device.journal.unacknowledged() === 0);
      const count = gateway.reports.length;
      gateway.desire(2);
      await systemClock.sleep(500);
      assert.equal(gateway.reports.length, count);
      await until(() => device.journal.desired()?.generation === 2);
      assert.equal(gateway.reports.at(-1)?.beat.heartbeatMs, 3000);
    } finally {
      await device.remove();
      await gateway.stop();
    }
  });
}
