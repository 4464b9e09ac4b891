// Online, Stale and Offline: by heartbeats, by silence, by wills and over a restart of the hub.
import assert from "node:assert/strict";
import { createStaleness } from "#hub/ingest/staleness.ts";
import { id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { aBeat, pi, withIngest } from "./fixture.ts";

const test = suite("presence");

test("three missed heartbeats of its own make a device Stale, once, and one heartbeat Online", async () => {
  await withIngest(async ({ send, clock, device, reasons }) => {
    send(pi, "beat", aBeat({ heartbeatMs: 2000 }));
    send("pi-0001", "beat", aBeat({ heartbeatMs: 60_000 }));
    await clock.advance(5500);
    assert.equal((await device(pi)).connection, "Online");
    await clock.advance(30_000);
    const row = await device(pi);
    assert.equal(row.connection, "Stale");
    assert.equal((await device("pi-0001")).connection, "Online");
    send(pi, "beat", aBeat({ heartbeatMs: 2000 }));
    send(pi, "beat", aBeat({ heartbeatMs: 2000 }));
    await clock.advance(200);
    assert.equal((await device(pi)).connection, "Online");
    assert.deepEqual(await reasons(pi), ["DeviceOnline", "DeviceStale", "DeviceOnline"]);
  });
});

test("the last heartbeat before the silence is what last seen shows", async () => {
  await withIngest(async ({ send, clock, device }) => {
    send(pi, "beat", aBeat());
    await clock.advance(2000);
    const last = clock.now();
    send(pi, "beat", aBeat());
    await clock.advance(10_000);
    const row = await device(pi);
    assert.deepEqual([row.connection, row.lastSeenAt], ["Stale", last]);
  });
});

test("a will makes a device Offline at once, and silence afterwards changes nothing", async () => {
  await withIngest(async ({ send, clock, device, reasons }) => {
    send(pi, "conn", { state: "online", bootId: "b1" });
    await clock.advance(200);
    send(pi, "conn", { state: "offline", bootId: "b1" });
    await clock.advance(20_000);
    assert.equal((await device(pi)).connection, "Offline");
    assert.deepEqual(await reasons(pi), ["DeviceOnline", "DeviceOffline"]);
  });
});

test("a device that said goodbye until its next poll stays Online, and is Stale only when it missed three", async () => {
  await withIngest(async ({ send, clock, device, reasons }) => {
    send(pi, "beat", aBeat({ heartbeatMs: 60_000 }));
    send(pi, "conn", { state: "offline", bootId: "b1", nextInMs: 60_000 });
    await clock.advance(170_000);
    assert.equal((await device(pi)).connection, "Online");
    await clock.advance(20_000);
    assert.equal((await device(pi)).connection, "Stale");
    assert.deepEqual(await reasons(pi), ["DeviceOnline", "DeviceStale"]);
  });
});

test("the late will of the boot before does not take a device offline", async () => {
  await withIngest(async ({ send, clock, device, reasons }) => {
    send(pi, "beat", aBeat({ bootId: "old" }));
    await clock.advance(200);
    send(pi, "conn", { state: "online", bootId: "new" });
    await clock.advance(200);
    send(pi, "conn", { state: "offline", bootId: "old" });
    await clock.advance(200);
    assert.equal((await device(pi)).connection, "Online");
    assert.deepEqual(await reasons(pi), ["DeviceOnline"]);
  });
});

test("within one batch the order of arrival decides", async () => {
  await withIngest(async ({ send, clock, device }) => {
    send(pi, "beat", aBeat());
    send(pi, "conn", { state: "offline", bootId: "b1" });
    send(pi, "beat", aBeat());
    send("pi-0001", "beat", aBeat());
    send("pi-0001", "conn", { state: "offline", bootId: "b1" });
    await clock.advance(200);
    assert.equal((await device(pi)).connection, "Online");
    assert.equal((await device("pi-0001")).connection, "Offline");
  });
});

test("after a start the hub takes devices as they were and waits three heartbeats", async () => {
  await withIngest(
    async ({ clock, device, reasons }) => {
      await clock.advance(2500);
      assert.equal((await device(pi)).connection, "Online");
      assert.equal((await device("pi-0001")).connection, "Stale");
      await clock.advance(5000);
      assert.equal((await device(pi)).connection, "Stale");
      assert.deepEqual(await reasons(), ["DeviceStale"]);
    },
    async (store) => {
      await store.changeDevices([
        { id: id(pi), connection: "Online", heartbeatMs: 1000, lastSeenAt: 1 },
        { id: id("pi-0001"), connection: "Stale", heartbeatMs: 1000, lastSeenAt: 1 },
      ]);
      return {};
    },
  );
});

test("a pause of the hub itself makes no device stale", () => {
  const staleness = createStaleness();
  staleness.tick(0);
  staleness.heard(id("a"), 1000, 0);
  staleness.tick(1000);
  assert.deepEqual(staleness.tick(600_000), []);
  assert.deepEqual(staleness.tick(601_000), []);
  assert.deepEqual(staleness.tick(602_000), ["a"]);
});

test("each silent device is named once, each at its own time", () => {
  const staleness = createStaleness();
  staleness.tick(0);
  for (let n = 1; n <= 5; n += 1) staleness.heard(id(`pi-${n}`), n * 1000, 0);
  staleness.forget(id("pi-2"));
  const named: string[] = [];
  for (let ms = 1000; ms <= 20_000; ms += 1000) {
    for (const device of staleness.tick(ms)) named.push(`${device} at ${ms}`);
  }
  assert.deepEqual(named, ["pi-1 at 3000", "pi-3 at 9000", "pi-4 at 12000", "pi-5 at 15000"]);
});

test("a heartbeat that became shorter counts from the next one on", () => {
  const staleness = createStaleness();
  staleness.tick(0);
  staleness.heard(id("a"), 60_000, 0);
  staleness.heard(id("a"), 1000, 500);
  const named: number[] = [];
  for (let ms = 1000; ms <= 200_000; ms += 1000) {
    if (staleness.tick(ms).length > 0) named.push(ms);
  }
  assert.deepEqual(named, [4000]);
});
