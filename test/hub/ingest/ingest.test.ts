// Ingestion from message to store: batches, transitions, events, refusals and overload.
import assert from "node:assert/strict";
import type { DeviceId } from "#shared/ids.ts";
import { batchOf, desiredRow, id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { aBeat, anAppReport, pi, withIngest } from "./fixture.ts";

const test = suite("ingest");

const good = { sync: "Synced", health: "Healthy" } as const;
const bad = { sync: "Synced", health: "Degraded" } as const;

test("a hundred heartbeats of one device are one update", async () => {
  await withIngest(async ({ send, clock, store, ingest, device }) => {
    const before = store.stats();
    for (let n = 0; n < 100; n += 1) send(pi, "beat", aBeat());
    await clock.advance(100);
    assert.equal((await device(pi)).connection, "Online");
    assert.equal(ingest.counters().coalesced, 99);
    assert.equal(ingest.counters().batches, 1);
    // The device, its event, the counter of events, and how much is kept of the device.
    assert.equal(store.stats().rowsWritten - before.rowsWritten, 4);
  });
});

test("a full batch does not wait", async () => {
  await withIngest(
    async ({ send, clock, ingest }) => {
      for (const name of [pi, "pi-0001", "pi-0002"]) send(name, "beat", aBeat());
      await clock.settle();
      assert.equal(ingest.counters().batches, 1);
    },
    () => ({ maxBatch: 3 }),
  );
});

test("heartbeats reach the store every five seconds, a change at once", async () => {
  await withIngest(async ({ send, clock, store, device }) => {
    const host = { cpu: 0.5, load1: 1, memoryUsedBytes: 1, memoryTotalBytes: 2 };
    const health = { ...host, diskUsedBytes: 1, diskTotalBytes: 2, uptimeSeconds: 1 };
    send(pi, "beat", aBeat({ host: health }));
    await clock.advance(1000);
    const first = store.stats().rowsWritten;
    for (let second = 0; second < 4; second += 1) {
      send(pi, "beat", aBeat({ host: { ...health, uptimeSeconds: 2 + second } }));
      await clock.advance(1000);
    }
    assert.equal(store.stats().rowsWritten, first);
    send(pi, "beat", aBeat({ host: { ...health, uptimeSeconds: 99 } }));
    await clock.advance(1000);
    assert.equal((await device(pi)).hostHealth?.uptimeSeconds, 99);
    send(pi, "beat", aBeat({ generation: 3, specHash: "x" }));
    await clock.advance(1000);
    assert.equal((await device(pi)).observedGeneration, 3);
  });
});

test("a report gives sync, health, labels and heartbeat of its device", async () => {
  await withIngest(async ({ send, clock, store, bus, device }) => {
    const told: DeviceId[] = [];
    bus.on("membership", (which) => told.push(which));
    await store.saveDesired(desiredRow(pi, 1, "one"));
    bus.emit("device", id(pi));
    const report = anAppReport(good, { heartbeatMs: 7000, labels: { site: "new" } });
    send(pi, "reported", report);
    await clock.advance(200);
    const row = await device(pi);
    assert.deepEqual([row.sync, row.health, row.heartbeatMs], ["Synced", "Healthy", 7000]);
    assert.deepEqual([row.agentLabels, row.reported], [{ site: "new" }, report]);
    assert.deepEqual(told, [pi]);
  });
});

test("sync follows the desired generation: OutOfSync until the device reports on it", async () => {
  await withIngest(async ({ send, clock, store, bus, device, reasons }) => {
    const desire = async (generation: number, hash: string): Promise<void> => {
      await store.saveDesired(desiredRow(pi, generation, hash));
      bus.emit("device", id(pi));
      await clock.advance(200);
    };
    const report = async (observedGeneration: number, specHash: string): Promise<void> => {
      send(pi, "reported", anAppReport(good, { observedGeneration, specHash }));
      await clock.advance(200);
    };
    await report(0, "");
    assert.equal((await device(pi)).sync, "Unknown");
    await desire(1, "one");
    assert.equal((await device(pi)).sync, "OutOfSync");
    await report(1, "one");
    await desire(2, "two");
    send(pi, "beat", aBeat({ generation: 2, specHash: "two" }));
    await clock.advance(200);
    assert.equal((await device(pi)).sync, "OutOfSync");
    await report(2, "two");
    await report(2, "two");
    assert.equal((await device(pi)).sync, "Synced");
    await report(2, "other content");
    assert.equal((await device(pi)).sync, "OutOfSync");
    const told = (await reasons(pi)).filter((reason) => /Sync/.test(reason));
    assert.deepEqual(told, [
      "DeviceOutOfSync",
      "DeviceSynced",
      "DeviceOutOfSync",
      "DeviceSynced",
      "DeviceOutOfSync",
    ]);
  });
});

test("a device ahead of the hub is told at once to whoever decides what it is to have", async () => {
  await withIngest(async ({ send, clock, store, bus }) => {
    const told: DeviceId[] = [];
    bus.on("membership", (device) => told.push(device));
    await store.saveDesired(desiredRow(pi, 4, "four"));
    bus.emit("device", id(pi));
    for (const [generation, specHash] of [
      [0, ""],
      [3, "three"],
      [4, "four"],
    ] as const) {
      send(pi, "beat", aBeat({ generation, specHash }));
      await clock.advance(200);
    }
    assert.deepEqual(told, []);
    send(pi, "beat", aBeat({ generation: 7, specHash: "seven" }));
    await clock.advance(200);
    assert.deepEqual(told, [pi]);
    send(pi, "beat", aBeat({ generation: 7, specHash: "seven" }));
    await clock.advance(200);
    assert.deepEqual(told, [pi]);
    send(pi, "beat", aBeat({ generation: 4, specHash: "another four" }));
    await clock.advance(200);
    assert.deepEqual(told, [pi, pi]);
  });
});

test("Degraded and recovered are told once per episode", async () => {
  await withIngest(async ({ send, clock, device, reasons }) => {
    const report = async (health: "Healthy" | "Degraded" | "Progressing"): Promise<void> => {
      send(pi, "reported", anAppReport({ sync: "Synced", health }));
      await clock.advance(200);
    };
    await report("Healthy");
    for (const health of ["Degraded", "Degraded", "Progressing", "Degraded"] as const) {
      await report(health);
    }
    assert.equal((await device(pi)).health, "Degraded");
    await report("Progressing");
    await report("Healthy");
    assert.deepEqual(await reasons(pi), ["DeviceOnline", "DeviceDegraded", "DeviceRecovered"]);
  });
});

test("a malformed message is counted, told once a minute, and later ones count as before", async () => {
  await withIngest(async ({ send, sendRaw, clock, ingest, reasons, device }) => {
    for (let n = 0; n < 5; n += 1) sendRaw(id(pi), "beat", Buffer.from("not json"));
    sendRaw(id(pi), "conn", Buffer.alloc(2000));
    send(pi, "reported", anAppReport(good, { device: id("pi-0001") }));
    send(pi, "journal", { ...batchOf("e", [2, 1]), from: 1, to: 2 });
    await clock.advance(200);
    assert.deepEqual(ingest.counters().refused, { message_invalid: 7, message_too_large: 1 });
    assert.deepEqual(await reasons(pi), ["MessageRefused"]);
    await clock.advance(60_000);
    sendRaw(id(pi), "beat", Buffer.from("{}"));
    send(pi, "beat", aBeat());
    await clock.advance(200);
    assert.deepEqual(await reasons(pi), ["MessageRefused", "MessageRefused", "DeviceOnline"]);
    assert.equal((await device(pi)).connection, "Online");
  });
});

test("a device enrolled later is known, one that never was is counted", async () => {
  await withIngest(async ({ send, clock, store, ingest, device }) => {
    await store.enrol(id("late"), "h", {}, 1);
    send("late", "beat", aBeat());
    send("ghost", "beat", aBeat());
    await clock.advance(200);
    assert.equal((await device("late")).connection, "Online");
    assert.equal(ingest.counters().unknownDevices, 1);
    const ghost = ingest.accept(id("ghost"), "beat", aBeat());
    await Promise.all([clock.advance(200), assert.rejects(ghost, { code: "not_found" })]);
  });
});

test("by HTTP a message is answered once it is stored, a journal with its acknowledgement", async () => {
  await withIngest(async ({ ingest, clock, device, acks }) => {
    const reported = ingest.accept(id(pi), "reported", anAppReport(bad));
    const journal = ingest.accept(id(pi), "journal", batchOf("e", [1, 2]));
    await clock.advance(200);
    assert.deepEqual(await Promise.all([reported, journal]), [null, { epoch: "e", seq: 2 }]);
    assert.equal((await device(pi)).health, "Degraded");
    assert.deepEqual(acks, []);
    const wrong = ingest.accept(id(pi), "journal", { ...batchOf("e", [3]), to: 2 });
    await assert.rejects(wrong, { code: "message_invalid" });
  });
});

test("stopping stores what has come in", async () => {
  await withIngest(async ({ send, ingest, device, acks }) => {
    send(pi, "beat", aBeat());
    send(pi, "journal", batchOf("e", [1]));
    await ingest.stop();
    await ingest.stop();
    assert.equal((await device(pi)).connection, "Online");
    assert.deepEqual(acks, [`${pi} e 1`]);
  });
});
