// Desired states that the journal cannot take at the moment.
import * as assert from "node:assert/strict";
import type { Journal } from "#edge/journal/port.ts";
import { createInbox } from "#edge/sync/inbox.ts";
import type { SyncJournal } from "#edge/sync/port.ts";
import { systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { encode } from "#shared/wire.ts";
import { suite } from "#test/suite.ts";
import { startBroker } from "./broker.ts";
import { desiredState, deviceId, seal, silent, startDevice, until } from "./fixture.ts";

const test = suite("the inbox");

/** As on a disk that gives an I/O error for a moment. */
function refuseOnce(journal: Journal, refused: () => void): void {
  const { receive } = journal;
  journal.receive = () => {
    journal.receive = receive;
    refused();
    throw new FleetError("journal_unusable", { message: "disk I/O error", retry: "later" });
  };
}

test("a desired state that the journal could not take comes in again without another message", async () => {
  const broker = await startBroker();
  let refusals = 0;
  const device = startDevice({ mqttUrl: broker.url }, (journal) =>
    refuseOnce(journal, () => {
      refusals += 1;
    }),
  );
  try {
    await until(() => broker.heard.conn !== undefined);
    broker.desire(seal(desiredState(3)));
    await until(() => device.journal.desired()?.generation === 3);
    assert.equal(refusals, 1);
  } finally {
    await device.remove();
    await broker.stop();
  }
});

test("an older state that comes meanwhile does not take its place", async () => {
  const broker = await startBroker();
  const device = startDevice({ mqttUrl: broker.url });
  try {
    await until(() => broker.heard.conn !== undefined);
    broker.desire(seal(desiredState(2)));
    await until(() => device.journal.desired()?.generation === 2);
    refuseOnce(device.journal, () => undefined);
    broker.desire(seal(desiredState(3)));
    broker.desire(seal(desiredState(1)));
    await until(() => device.journal.desired()?.generation === 3);
  } finally {
    await device.remove();
    await broker.stop();
  }
});

test("what is refused is refused also where the journal cannot be told of it", () => {
  const refusals: string[] = [];
  const journal = {
    append: (entry: { kind: string }) => {
      refusals.push(entry.kind);
      throw new FleetError("journal_unusable", { message: "read-only", retry: "later" });
    },
  };
  const inbox = createInbox({
    ...{ device: deviceId, trusted: new Map(), logger: silent, clock: systemClock },
    // Nothing else of it is asked for a state that nobody trusted has signed.
    journal: journal as unknown as SyncJournal,
    memos: { receive: () => undefined },
    onAccepted: () => assert.fail(),
    onAsked: () => undefined,
    onBehind: () => undefined,
    onJournalGrew: () => undefined,
  });
  inbox.receive(encode("desired", seal(desiredState(1))));
  assert.deepEqual(refusals, ["desired.refused"]);
});
