// Live streams over a real broker and a network that resets the connection in their middle.
import * as assert from "node:assert/strict";
import { createLineRing } from "#edge/logs/ring.ts";
import { createLiveStreams } from "#edge/logs/streams.ts";
import { createLiveLogs } from "#hub/logs/live.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import { systemClock } from "#shared/clock.ts";
import { keyIdOf } from "#shared/envelope.ts";
import { suite } from "#test/suite.ts";
import { withFarHub } from "./far_hub.ts";
import { deviceId, hubKeys, startDevice, until } from "./fixture.ts";

const test = suite("live streams over a bad network");

const keyId = keyIdOf(hubKeys.publicKey);
const key = { privateKey: hubKeys.privateKey, id: keyId, publicPem: "" };

test("a reset connection comes back without a gap or a line twice", () =>
  withFarHub(async ({ proxy, url, broker }) => {
    const log = createLineRing({ maxCost: 64 * 1024 });
    const streams = createLiveStreams({
      device: deviceId,
      trusted: new Map([[keyId, hubKeys.publicKey]]),
      open: (_, wanted) => log.follow(wanted),
      clock: systemClock,
    });
    const device = startDevice({ mqttUrl: url }, undefined, undefined, undefined, streams);
    const row = { id: deviceId, connection: "Online", lastSeenAt: null } as DeviceRow;
    const store = { device: async () => row };
    const limits = { renewMs: 300 };
    const live = createLiveLogs({ store, broker, key, clock: systemClock, limits });
    try {
      await until(() => device.sync.status().connected && broker.isConnected(deviceId));
      const wish = { source: { kind: "agent" }, follow: true, tail: 0 } as const;
      const reader = await live.open(deviceId, wish);
      const seen: string[] = [];
      const reading = (async () => {
        for await (const item of reader) {
          if (item.kind !== "caughtUp")
            seen.push(item.kind === "line" ? item.line.text : item.kind);
        }
      })();
      for (let at = 0; at < 60; at += 1) {
        log.write({ at, text: String(at) });
        if (at % 20 === 10) proxy.cut();
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      await until(() => seen.length >= 60);
      assert.deepEqual(
        seen,
        Array.from({ length: 60 }, (_, at) => String(at)),
      );
      live.stop();
      await reading;
      assert.equal(seen.at(-1), "end");
    } finally {
      live.stop();
      streams.stop();
      await device.remove();
    }
  }));
