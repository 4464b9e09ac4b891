import * as assert from "node:assert/strict";
import { createEmbeddedBroker, type EmbeddedBroker } from "#hub/broker/aedes.ts";
import type { Uplink } from "#hub/broker/port.ts";
import { systemClock } from "#shared/clock.ts";
import { decode, type Message } from "#shared/wire.ts";
import { suite } from "#test/suite.ts";
import {
  desiredState,
  deviceId,
  reportedState,
  seal,
  secret,
  startDevice,
  until,
} from "./fixture.ts";

const test = suite("sync with the hub's own broker");

interface Hub {
  broker: EmbeddedBroker;
  heard: { [C in Uplink]: Message<C>[] };
  /** Whether the device's secret is known. */
  isKnown: boolean;
}

async function withHub(body: (hub: Hub) => Promise<void>): Promise<void> {
  const broker = createEmbeddedBroker({
    host: "127.0.0.1",
    port: 0,
    clock: systemClock,
    authenticator: {
      device: async (id, given) =>
        hub.isKnown && id === deviceId && given === secret
          ? { kind: "device", id: deviceId }
          : null,
      operator: async () => null,
    },
  });
  const hub: Hub = {
    broker,
    heard: { reported: [], conn: [], beat: [], journal: [] },
    isKnown: true,
  };
  broker.onUplink((_, channel, payload) => {
    (hub.heard[channel] as unknown[]).push(decode(channel, payload));
  });
  await broker.start();
  try {
    await body(hub);
  } finally {
    await broker.stop();
  }
}

test("keeps desired states, reports, beats and journals within the broker's rules", () =>
  withHub(async ({ broker, heard }) => {
    broker.publishDesired(deviceId, seal(desiredState(1)));
    const device = startDevice({ mqttUrl: broker.url });
    device.sync.report(reportedState(1));
    await until(() => device.journal.desired()?.generation === 1);
    broker.publishDesired(deviceId, seal(desiredState(2)));
    await until(() => device.journal.desired()?.generation === 2);
    await until(() => heard.reported.length === 1 && heard.beat.length >= 2);
    await until(() => (heard.journal.at(-1)?.to ?? 0) >= 2);
    const { epoch = "", to = 0 } = heard.journal.at(-1) ?? {};
    broker.acknowledge(deviceId, { epoch, seq: to });
    await until(() => device.journal.unacknowledged() === 0);
    await device.remove();
    await until(() => heard.conn.at(-1)?.state === "offline");
    assert.deepEqual(
      heard.conn.map(({ state }) => state),
      ["online", "offline"],
    );
    assert.deepEqual(broker.refusals(), {});
  }));

test("is online at the end when a new connection takes the place of a dead one", () =>
  withHub(async ({ broker, heard }) => {
    const before = startDevice({
      mqttUrl: broker.url,
      reconnect: { baseMs: 60_000, maxMs: 60_000, stableMs: 60_000 },
    });
    await until(() => heard.conn.length === 1);
    const after = startDevice({ mqttUrl: broker.url });
    await until(() => !before.sync.status().connected && after.sync.status().connected);
    await until(() => heard.conn.filter(({ state }) => state === "online").length === 2);
    await systemClock.sleep(100);
    assert.equal(heard.conn.at(-1)?.state, "online");
    await before.remove();
    await after.remove();
  }));

test("says that its identity is refused, and comes back when it is known again", () =>
  withHub(async (hub) => {
    const { broker } = hub;
    const device = startDevice({ mqttUrl: broker.url });
    await until(() => device.sync.status().connected);
    hub.isKnown = false;
    broker.disconnect(deviceId);
    await until(() => /does not accept/.test(device.sync.status().problem ?? ""));
    hub.isKnown = true;
    await until(() => device.sync.status().connected);
    await device.remove();
  }));
