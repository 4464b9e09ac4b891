// The hub's log takes so many events of one device a minute, and says how many it left out.
import assert from "node:assert/strict";
import { createEventLog } from "#hub/ingest/event_log.ts";
import { anEvent, id } from "#test/contract/rows.ts";
import { suite } from "#test/suite.ts";
import { createManualClock } from "./manual.ts";

const test = suite("log of events");

test("logs a few events of one device a minute, and all of the hub and of others", async () => {
  const clock = createManualClock();
  const lines: string[] = [];
  const log = {
    info: (facts: object, message: string) =>
      void lines.push(`${"device" in facts ? String(facts.device) : ""}: ${message}`),
  };
  const tell = createEventLog({ log, clock, perMinute: 2 });
  const of = (device: string | null, reason: string) =>
    tell({ id: 1, ...anEvent(reason), device: device === null ? null : id(device) });
  for (const reason of ["A", "B", "C", "D"]) of("mad", reason);
  for (const reason of ["E", "F", "G"]) of(null, reason);
  of("calm", "H");
  await clock.advance(60_000);
  of("mad", "I");
  assert.deepEqual(lines, [
    ...["mad: A happened", "mad: B happened"],
    ...["null: E happened", "null: F happened", "null: G happened", "calm: H happened"],
    "mad: 2 more events of this device are in the store and not in the log",
    "mad: I happened",
  ]);
});
