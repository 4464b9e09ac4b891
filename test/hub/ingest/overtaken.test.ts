// Messages of a device that come again, or after newer ones.
import assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { aBeat, anAppReport, pi, withIngest } from "./fixture.ts";

const test = suite("overtaken messages");
const good = { sync: "Synced", health: "Healthy" } as const;
const late = { sync: "OutOfSync", health: "Progressing" } as const;

test("a report that comes again after a newer one changes nothing", async () => {
  await withIngest(async ({ send, clock, device }) => {
    const older = anAppReport(late, { bootId: "b1", monotonicMs: 10, observedGeneration: 1 });
    const newer = anAppReport(good, { bootId: "b1", monotonicMs: 20, observedGeneration: 2 });
    send(pi, "reported", newer);
    await clock.advance(200);
    send(pi, "reported", older);
    await clock.advance(200);
    const row = await device(pi);
    assert.deepEqual([row.observedGeneration, row.health], [2, "Healthy"]);
    assert.deepEqual(row.reported, newer);
  });
});

test("of two reports that come at once the one that was said last counts, in either order", async () => {
  await withIngest(async ({ send, clock, device }) => {
    const older = anAppReport(late, { bootId: "b1", monotonicMs: 10, observedGeneration: 1 });
    const newer = anAppReport(good, { bootId: "b1", monotonicMs: 20, observedGeneration: 2 });
    for (const reports of [
      [newer, older],
      [older, newer],
    ]) {
      for (const report of reports) send(pi, "reported", report);
      await clock.advance(200);
      assert.deepEqual((await device(pi)).reported, newer);
    }
  });
});

test("a late heartbeat shows that the device is there, and takes no generation back", async () => {
  await withIngest(async ({ send, clock, device }) => {
    send(pi, "beat", aBeat({ generation: 3, monotonicMs: 30 }));
    await clock.advance(20_000);
    assert.equal((await device(pi)).connection, "Stale");
    send(pi, "beat", aBeat({ generation: 2, monotonicMs: 20 }));
    await clock.advance(200);
    const row = await device(pi);
    assert.deepEqual([row.connection, row.observedGeneration], ["Online", 3]);
  });
});

test("a new boot begins at a low time, and what it says counts", async () => {
  await withIngest(async ({ send, clock, device }) => {
    send(pi, "reported", anAppReport(good, { bootId: "b1", monotonicMs: 9_000_000 }));
    await clock.advance(200);
    send(pi, "reported", anAppReport(late, { bootId: "b2", monotonicMs: 5 }));
    await clock.advance(200);
    assert.equal((await device(pi)).health, "Progressing");
  });
});
