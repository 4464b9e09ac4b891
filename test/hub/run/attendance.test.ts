// What a hub leaves behind of the time in which it was there.
import * as assert from "node:assert/strict";
import { createAttendance } from "#hub/run/attendance.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { createManualClock } from "#test/hub/ingest/manual.ts";
import { suite } from "#test/suite.ts";

const test = suite("attendance of a hub");

test("the time between two lives is an absence, and time in which it is there is none", async () => {
  const store = await openStore({ file: ":memory:" });
  const clock = createManualClock();
  const beganAt = clock.now();
  const minutesOf = (at: number | null): number => Math.round(((at ?? 0) - beganAt) / 60_000);
  const first = createAttendance({ store, clock });
  const next = createAttendance({ store, clock });
  try {
    await first.start();
    await clock.advance(5 * 60_000);
    assert.deepEqual(await store.absences(), [{ from: 0, until: beganAt }]);
    await first.look();
    assert.equal((await store.absences()).length, 1);
    await first.stop();
    await clock.advance(30 * 60_000);
    await next.start();
    const [, absence] = await store.absences();
    assert.deepEqual([minutesOf(absence?.from ?? 0), minutesOf(absence?.until ?? 0)], [5, 35]);
  } finally {
    await next.stop();
    await store.close();
  }
});
