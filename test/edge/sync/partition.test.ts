import * as assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { OpenLink } from "#edge/sync/link.ts";
import { openMqttLink } from "#edge/sync/mqtt.ts";
import type { Faults } from "#scripts/faults/proxy.ts";
import { systemClock } from "#shared/clock.ts";
import { suite } from "#test/suite.ts";
import { withFarHub } from "./far_hub.ts";
import { desiredState, deviceId, reportedState, seal, startDevice, until } from "./fixture.ts";
import { startGateway } from "./gateway.ts";

const test = suite("sync over a bad network");

/** Of the device and, told by it, of the broker. */
const keepaliveSeconds = 1;
/** Where the time is measured: a busy machine adds to it. */
const measuredSeconds = 2;
const noticedMs = 2 * measuredSeconds * 1000;

interface Watch {
  open: OpenLink;
  opened: number;
  /** Connections that have not closed yet, and the most there ever were at once. */
  live: number;
  most: number;
  signal: AbortSignal | undefined;
}

function watchLinks(): Watch {
  const watch: Watch = {
    opened: 0,
    live: 0,
    most: 0,
    signal: undefined,
    open: async (options) => {
      watch.live += 1;
      watch.most = Math.max(watch.most, watch.live);
      watch.signal = options.signal;
      const link = await openMqttLink(options).catch((error: unknown) => {
        watch.live -= 1;
        throw error;
      });
      watch.opened += 1;
      link.onClose(() => {
        watch.live -= 1;
      });
      return link;
    },
  };
  return watch;
}

const partitions: Record<string, Faults> = {
  "nothing reaches the hub": { up: { swallow: true } },
  "nothing reaches the device": { down: { swallow: true } },
  "nothing passes either way": { up: { swallow: true }, down: { swallow: true } },
  "what the device sends is stuck": { up: { hold: true } },
  "what the hub sends is stuck": { down: { hold: true } },
};

for (const [name, faults] of Object.entries(partitions)) {
  test(`is noticed by both ends within twice the keepalive, and healed: ${name}`, () =>
    withFarHub(async ({ proxy, url, broker }) => {
      const watch = watchLinks();
      const device = startDevice(
        { mqttUrl: url, keepaliveSeconds: measuredSeconds },
        undefined,
        undefined,
        watch.open,
      );
      await until(() => device.sync.status().connected);
      proxy.set(faults);
      const cutMs = performance.now();
      let hubNoticedMs = 0;
      let deviceNoticedMs = 0;
      await until(() => {
        if (!device.sync.status().connected) deviceNoticedMs ||= performance.now() - cutMs;
        if (broker.connections() === 0) hubNoticedMs ||= performance.now() - cutMs;
        return deviceNoticedMs > 0 && (hubNoticedMs > 0 || faults.up === undefined);
      });
      assert.ok(deviceNoticedMs < noticedMs, `the device took ${deviceNoticedMs} ms`);
      assert.ok(hubNoticedMs < noticedMs, `the hub took ${hubNoticedMs} ms`);
      proxy.set({});
      broker.publishDesired(deviceId, seal(desiredState(1)));
      await until(() => device.journal.desired()?.generation === 1);
      await until(() => device.journal.unacknowledged() === 0);
      assert.equal(watch.most, 1);
      await device.remove();
    }));
}

test("tries on while connections hang before the first packet, one at a time", () =>
  withFarHub(async ({ proxy, url }) => {
    proxy.set({ up: { swallow: true }, down: { swallow: true } });
    const watch = watchLinks();
    const config = { mqttUrl: url, timeoutMs: 200 };
    const device = startDevice(config, undefined, undefined, watch.open);
    await until(() => /no answer/.test(device.sync.status().problem ?? ""));
    await systemClock.sleep(500);
    assert.deepEqual([watch.opened, watch.most], [0, 1]);
    proxy.set({});
    await until(() => device.sync.status().connected);
    await device.remove();
  }));

for (const end of ["cut", "hang"] as const) {
  for (const way of ["up", "down"] as const) {
    test(`lives through packets truncated ${way} the line, and then: ${end}`, () =>
      withFarHub(async ({ proxy, url, broker, stored }) => {
        const watch = watchLinks();
        const config = { mqttUrl: url, keepaliveSeconds, timeoutMs: 300 };
        const device = startDevice(config, undefined, undefined, watch.open);
        for (const [round, afterBytes] of [1, 3, 40, 150].entries()) {
          await until(() => device.sync.status().connected);
          const { opened } = watch;
          proxy.set({ [way]: { truncate: { afterBytes, end } } });
          device.journal.append({ kind: "event", body: { padding: "x".repeat(300) } });
          device.sync.journalGrew();
          broker.publishDesired(deviceId, seal(desiredState(round + 1)));
          await until(() => watch.live === 0 || watch.opened > opened);
          proxy.set({});
          proxy.cut();
          await until(() => device.journal.desired()?.generation === round + 1);
        }
        await until(() => device.journal.unacknowledged() === 0);
        assert.equal(watch.most, 1);
        assert.deepEqual(
          stored,
          stored.toSorted((a, b) => a - b),
        );
        await device.remove();
      }));
  }
}

test("keeps one slow connection, repeats nothing on it, and lets news past the backlog", () =>
  withFarHub(async ({ proxy, url, broker, heard, stored }) => {
    proxy.set({ up: { bytesPerSecond: 24_000 } });
    const watch = watchLinks();
    const fill = (journal: { append(entry: { kind: "event"; body: object }): number }): void => {
      for (let i = 0; i < 400; i++)
        journal.append({ kind: "event", body: { text: "x".repeat(150) } });
    };
    const config = { mqttUrl: url, keepaliveSeconds: 5 };
    const device = startDevice(config, fill as never, undefined, watch.open);
    await until(() => heard.journal.length === 1);
    broker.publishDesired(deviceId, seal(desiredState(1)));
    const beganMs = performance.now();
    await until(() => device.journal.desired()?.generation === 1);
    assert.ok(performance.now() - beganMs < 3000);
    device.sync.report(reportedState(1));
    await until(() => heard.reported.length === 1);
    assert.ok(device.journal.unacknowledged() > 0, "the report waited for the whole backlog");
    await until(() => device.journal.unacknowledged() === 0);
    const entries = heard.journal.flatMap((batch) => batch.entries);
    assert.equal(entries.length, new Set(entries.map(({ seq }) => seq)).size);
    assert.deepEqual(
      stored,
      stored.toSorted((a, b) => a - b),
    );
    assert.equal(watch.opened, 1);
    await device.remove();
  }));

test("leaves no timer, socket or listener behind in 200 connections", () =>
  withFarHub(async ({ proxy, url }) => {
    const warnings: Error[] = [];
    const warn = (warning: Error): void => void warnings.push(warning);
    process.on("warning", warn);
    const watch = watchLinks();
    const reconnect = { baseMs: 1, maxMs: 2, stableMs: 60_000 };
    const device = startDevice({ mqttUrl: url, reconnect }, undefined, undefined, watch.open);
    const rest = async (): Promise<{ resources: number; listeners: number }> => {
      await until(() => device.sync.status().connected);
      await systemClock.sleep(100);
      const resources = process.getActiveResourcesInfo().length;
      const { signal } = watch;
      return {
        resources,
        listeners: signal === undefined ? 0 : getEventListeners(signal, "abort").length,
      };
    };
    const before = await rest();
    while (watch.opened < 201) {
      const { opened } = watch;
      await until(() => device.sync.status().connected);
      proxy.cut();
      await until(() => watch.opened > opened);
    }
    let after = await rest();
    // The kernel takes its time with the last sockets.
    while (after.resources > before.resources + 3) after = await rest();
    process.off("warning", warn);
    assert.ok(after.resources <= before.resources + 3, JSON.stringify({ before, after }));
    assert.equal(after.listeners, before.listeners);
    assert.equal(watch.most, 1);
    assert.deepEqual(warnings, []);
    await device.remove();
  }));

test("does not change its mind about HTTP while MQTT fails again and again", async () => {
  const gateway = await startGateway();
  try {
    await withFarHub(async ({ proxy, url }) => {
      proxy.set({ refuse: true });
      const device = startDevice({
        mqttUrl: url,
        hubUrl: gateway.url,
        fallback: { failures: 3, afterMs: 60_000 },
        pollMs: 20,
      });
      const ways: string[] = [];
      device.sync.onChange(() => {
        const { via } = device.sync.status();
        if (ways.at(-1) !== via) ways.push(via);
      });
      await until(() => device.sync.status().via === "http");
      await systemClock.sleep(1500);
      assert.deepEqual(ways, ["http"]);
      proxy.set({});
      await until(() => device.sync.status().via === "mqtt");
      await systemClock.sleep(300);
      assert.deepEqual(ways, ["http", "mqtt"]);
      await device.remove();
    });
  } finally {
    await gateway.stop();
  }
});
