// A hub's ingestion that is fed journals as fast as it acknowledges them, for a test that kills it.
import { writeSync } from "node:fs";
import type { UplinkListener } from "#hub/broker/port.ts";
import { createBus } from "#hub/bus.ts";
import { createIngest } from "#hub/ingest/ingest.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { systemClock } from "#shared/clock.ts";
import { encode } from "#shared/wire.ts";
import { anEntry, enrolFleet, id } from "#test/contract/rows.ts";

const device = id("pi-0000");
const store = await openStore({ file: process.argv[2] ?? "" });
await enrolFleet(store, 1);
let send: UplinkListener = () => undefined;

function feed(from: number): void {
  const to = from + 4;
  const entries = Array.from({ length: 5 }, (_, n) => {
    const body = { type: "Normal", reason: "Counted", message: String(from + n) };
    return anEntry(from + n, { body });
  });
  send(device, "journal", encode("journal", { epoch: "e", from, to, entries }));
}

const ingest = createIngest({
  store,
  broker: {
    onUplink: (listener) => {
      send = listener;
    },
    acknowledge: (_, { seq }) => {
      writeSync(1, `${seq}\n`);
      feed(seq + 1);
    },
  },
  bus: createBus(),
  clock: systemClock,
  gatherMs: 1,
});
await ingest.start();
feed(1);
