// Ingestion when there is too much, or when the store is away: what waits, what gives way, what is refused.
import assert from "node:assert/strict";
import { anEntry, batchOf, id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { aBeat, anAppReport, pi, type World, withIngest } from "./fixture.ts";

const test = suite("ingest under pressure");

const good = { sync: "Synced", health: "Healthy" } as const;
const bad = { sync: "Synced", health: "Degraded" } as const;

test("under overload heartbeats are dropped and journals left to be sent again", async () => {
  await withIngest(
    async ({ send, clock, ingest, acks }) => {
      for (const name of [pi, "pi-0001", "pi-0002"]) send(name, "beat", aBeat());
      send("pi-0002", "conn", { state: "online", bootId: "b1" });
      const entries = [anEntry(1, { body: { text: "x".repeat(1500) } })];
      send(pi, "journal", { epoch: "e", from: 1, to: 1, entries });
      send(pi, "journal", { epoch: "e", from: 1, to: 1, entries });
      const { beatsDropped, journalsDeferred, queued } = ingest.counters();
      assert.deepEqual([beatsDropped, journalsDeferred], [1, 1]);
      assert.deepEqual(queued, { reported: 0, conn: 1, beat: 2, journal: 1 });
      await clock.advance(200);
      assert.deepEqual(acks, [`${pi} e 1`]);
    },
    () => ({ maxQueued: 2, maxJournalBytes: 2000 }),
  );
});

test("what the store could not take is stored when it is back, and events are not lost", async () => {
  let away = false;
  const failing = ({ store }: Pick<World, "store">) => ({
    ...store,
    changeDevices: async (...args: Parameters<typeof store.changeDevices>) => {
      if (away) throw new Error("planted");
      return store.changeDevices(...args);
    },
  });
  await withIngest(
    async ({ send, clock, ingest, device, reasons }) => {
      away = true;
      send(pi, "reported", anAppReport(bad));
      await clock.advance(200);
      send(pi, "reported", anAppReport(good));
      send("pi-0001", "beat", aBeat({ heartbeatMs: 60_000 }));
      await clock.advance(2000);
      assert.ok(ingest.counters().storeFailures >= 2);
      assert.equal((await device(pi)).connection, "Offline");
      away = false;
      await clock.advance(1200);
      assert.deepEqual(
        [(await device(pi)).health, (await device(pi)).connection],
        ["Healthy", "Online"],
      );
      assert.equal((await device("pi-0001")).connection, "Online");
      const expected = ["DeviceOnline", "DeviceDegraded", "DeviceRecovered"];
      assert.deepEqual(await reasons(pi), expected);
    },
    (store) => ({ store: failing({ store }) }),
  );
});

test("a request is answered while the store is away, and its like do not gather", async () => {
  let away = false;
  await withIngest(
    async ({ send, clock, store, ingest }) => {
      await store.enrol(id("late"), "h", {}, 1);
      away = true;
      const codes: string[] = [];
      const ask = (name: string): void => {
        const told = (error: { code: string }) => codes.push(error.code);
        ingest.accept(id(name), "beat", aBeat()).then(() => codes.push("stored"), told);
      };
      send("late", "beat", aBeat());
      ask("late");
      await clock.advance(200);
      ask(pi);
      ask("late");
      await clock.advance(2000);
      assert.deepEqual(codes, ["internal", "store_unavailable", "store_unavailable"]);
      away = false;
      await clock.advance(1200);
      assert.equal((await store.device(id("late")))?.connection, "Online");
      assert.equal((await store.device(id(pi)))?.connection, "Online");
    },
    (store) => ({
      store: {
        ...store,
        deviceStatuses: async (...args) => {
          if (away) throw Object.assign(new Error("planted"), { code: "internal" });
          return store.deviceStatuses(...args);
        },
      },
    }),
  );
});

test("one device's journals leave the others' room", async () => {
  await withIngest(
    async ({ send, clock, ingest, acks }) => {
      for (const seq of [1, 2, 3]) send(pi, "journal", batchOf("e", [seq]));
      send("pi-0001", "journal", batchOf("e", [1]));
      assert.equal(ingest.counters().journalsDeferred, 1);
      await clock.advance(200);
      assert.deepEqual(acks, [`${pi} e 2`, "pi-0001 e 1"]);
    },
    () => ({ maxJournalBytesPerDevice: 300 }),
  );
});

test("a device's labels and the name of its journal are bounded", async () => {
  await withIngest(async ({ send, clock, ingest, acks, device }) => {
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`l${n}`, "x"]));
    send(pi, "reported", anAppReport(good, { labels }));
    send(pi, "journal", batchOf("e".repeat(65), [1]));
    await clock.advance(200);
    assert.deepEqual(ingest.counters().refused, { message_invalid: 2 });
    assert.deepEqual(acks, []);
    assert.equal((await device(pi)).reported, null);
  });
});

test("messages of a device that cannot be looked up wait until it can", async () => {
  let away = false;
  await withIngest(
    async ({ send, clock, store, ingest, device, acks }) => {
      await store.enrol(id("late"), "h", {}, 1);
      away = true;
      send("late", "journal", batchOf("e", [1]));
      await clock.advance(200);
      send(pi, "beat", aBeat());
      await clock.advance(3000);
      assert.equal(ingest.counters().queued.beat, 1);
      away = false;
      await clock.advance(1200);
      assert.deepEqual(acks, ["late e 1"]);
      assert.equal((await device(pi)).connection, "Online");
    },
    (store) => ({
      store: {
        ...store,
        deviceStatuses: async (...args) => {
          if (away) throw new Error("planted");
          return store.deviceStatuses(...args);
        },
      },
    }),
  );
});

test("a journal that no store can write is refused alone, and the others' entries are stored", async () => {
  await withIngest(async ({ send, sendRaw, clock, ingest, acks, reasons }) => {
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const entry = `{"seq":1,"bootId":"b","at":1,"monotonicMs":1,"kind":"event","body":{"x":${deep}}}`;
    const batch = `{"epoch":"e","from":1,"to":1,"entries":[${entry}]}`;
    sendRaw(id("pi-0001"), "journal", Buffer.from(batch));
    send(pi, "journal", batchOf("e", [1]));
    await clock.advance(200);
    assert.deepEqual(acks, [`${pi} e 1`]);
    assert.equal(ingest.counters().journalsDeferred, 0);
    assert.deepEqual(await reasons("pi-0001"), ["MessageRefused"]);
    const message = JSON.parse(batch) as Parameters<typeof ingest.accept<"journal">>[2];
    const code = "message_invalid";
    await assert.rejects(ingest.accept(id("pi-0001"), "journal", message), { code });
  });
});

test("an event's reason and app are kept no longer than anybody can look for", async () => {
  await withIngest(async ({ send, clock, store }) => {
    const body = { type: "Normal", reason: "R".repeat(100_000), message: "m".repeat(100_000) };
    const entries = [anEntry(1, { body, app: "a".repeat(100_000) })];
    send(pi, "journal", { epoch: "e", from: 1, to: 1, entries });
    await clock.advance(200);
    const { rows } = await store.events({ device: id(pi), limit: 5 });
    const told = rows.find(({ source }) => source === "device");
    const lengths = [told?.reason, told?.app, told?.message].map((text) => text?.length);
    assert.deepEqual(lengths, [64, 64, 2000]);
  });
});

test("what is refused is quoted no longer than anybody reads", async () => {
  await withIngest(async ({ sendRaw, clock, store }) => {
    const labels = { [`${"x".repeat(100_000)} `]: "y" };
    sendRaw(id(pi), "reported", Buffer.from(JSON.stringify(anAppReport(good, { labels }))));
    await clock.advance(200);
    const { rows } = await store.events({ reason: "MessageRefused", limit: 5 });
    assert.deepEqual(
      rows.map(({ message }) => message.length),
      [2000],
    );
  });
});

test("one flush takes what a device can have under way, and no more", async () => {
  await withIngest(async ({ send, clock, ingest, acks }) => {
    const text = "x".repeat(300_000);
    for (const seq of [1, 2, 3, 4]) {
      const entries = [anEntry(seq, { body: { text } })];
      send(pi, "journal", { epoch: "e", from: seq, to: seq, entries });
    }
    await clock.advance(200);
    assert.deepEqual(acks, [`${pi} e 3`]);
    assert.equal(ingest.counters().journalsDeferred, 1);
  });
});
