// A device that says more than the hub keeps is acknowledged, cut and named, and no other is held up by it.
import assert from "node:assert/strict";
import { createNotices } from "#hub/control/notices.ts";
import { createPins } from "#hub/control/pins.ts";
import { createAllowances } from "#hub/ingest/allowances.ts";
import { createMetrics } from "#hub/metrics/metrics.ts";
import { createTracks } from "#hub/rollout/track.ts";
import { anEntry, batchOf, id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { anAppReport, pi, withIngest } from "./fixture.ts";

const test = suite("allowances", { limitMs: 60_000 });

const event = { type: "Warning", reason: "Mad", message: "again" };
const small = { allowance: { journalBytes: 20_000, eventBytes: 10_000 } };

test("a device in a loop is acknowledged to the end, and noticed once", async () => {
  await withIngest(
    async ({ send, clock, acks, store, bus, reasons, ingest }) => {
      const allowances = createAllowances({ store, bus, clock });
      await allowances.start();
      const notices = createNotices({
        ...{ pins: createPins(), tracks: createTracks(), allowances },
        rollouts: { fleetHalt: () => null },
        fleet: { snapshot: () => undefined },
      });
      send("pi-0001", "journal", batchOf("e", [1, 2]));
      for (let from = 1; from <= 200; from += 10) {
        const entries = Array.from({ length: 10 }, (_, n) => anEntry(from + n, { body: event }));
        send(pi, "journal", { epoch: "e", from, to: from + 9, entries });
        await clock.advance(200);
      }
      assert.deepEqual(acks.at(-1), `${pi} e 200`);
      assert.equal(acks.length, 21);
      const { rows } = await store.journal({ device: id(pi), limit: 500 });
      assert.equal(rows[0]?.seq, 200);
      assert.ok(rows.length < 60, String(rows.length));
      assert.equal((await store.journal({ device: id("pi-0001"), limit: 9 })).rows.length, 2);
      assert.equal(ingest.counters().journalEntries, 202);
      const told = (await reasons(pi)).filter((reason) => reason === "AllowanceExceeded");
      assert.ok(told.length <= 1);
      const [notice] = notices.all();
      assert.equal(notice?.kind, "allowance");
      assert.match(notice?.message ?? "", /more has come of pi-0000 than/);
      const row = { id: id(pi), labels: {}, edits: { labels: {}, values: {} } };
      const mode = { mode: "run", modeReason: null, modeOperator: null, modeAt: null } as const;
      assert.deepEqual(notices.on({ ...row, ...mode }), [notice]);
      assert.deepEqual(notices.on({ ...row, ...mode, id: id("pi-0001") }), []);
      const metrics = createMetrics({
        ...{ store, ingest, broker: { connections: () => 0 }, watch: { clients: () => 0 } },
        repository: { status: () => ({ reachable: true }) },
        logs: { counts: () => ({ streams: 0, readers: 0, lines: 0, dropped: 0 }) as never },
        runs: { open: () => [], plans: () => new Map() },
      });
      const text = await metrics.render();
      const cut = /history_cut_rows_total\{of="journal"\} (\d+)/.exec(text)?.[1];
      assert.equal(Number(cut), 200 - rows.length);
      assert.match(text, /^metrica_fleet_devices_over_allowance 1$/m);
      await Promise.all([allowances.stop(), clock.advance(600_000)]);
    },
    () => ({}),
    small,
  );
});

test("a device that flaps fills no more than its own events", async () => {
  await withIngest(
    async ({ send, clock, store, reasons }) => {
      send("pi-0001", "reported", anAppReport({ sync: "Synced", health: "Healthy" }));
      for (let n = 0; n < 200; n += 1) {
        send(pi, "conn", { state: n % 2 === 0 ? "online" : "offline", bootId: "b1" });
        await clock.advance(200);
      }
      const left = await reasons(pi);
      assert.ok(left.length < 60, String(left.length));
      assert.equal(left.at(-1), "DeviceOffline");
      const { events } = await store.cuts();
      assert.equal(events + left.length, 201);
    },
    () => ({}),
    small,
  );
});
