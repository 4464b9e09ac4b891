// Opens the journal: one SQLite file that keeps what the device must remember over a power cut.
import { randomUUID } from "node:crypto";
import type { Clock } from "#shared/clock.ts";
import { createAttempts } from "./attempts.ts";
import { readBootId } from "./boot.ts";
import { type Connection, openDatabase } from "./database.ts";
import { createDesiredStates } from "./desired.ts";
import { createEntries } from "./entries.ts";
import { createMemory } from "./memory.ts";
import { createOutgoing } from "./outgoing.ts";
import type { Journal } from "./port.ts";
import { createPrune, defaultLimits, type JournalLimits } from "./prune.ts";
import { guarded } from "./unusable.ts";
import { createUpdates } from "./updates.ts";

interface JournalOptions {
  file: string;
  clock: Clock;
  /** The kernel's, unless a test says otherwise. */
  bootId?: string;
  limits?: JournalLimits;
}

/** The caller holds the lock of the data directory (lock.ts).
 *  @throws FleetError journal_unusable */
export function openJournal(options: JournalOptions): Journal {
  const { file, clock, bootId = readBootId(), limits = defaultLimits } = options;
  const database = openDatabase(file);
  const build = guarded(file, () => assemble(database, { clock, bootId, limits }));
  return guardAll(file, build());
}

function assemble(
  database: Connection,
  { clock, bootId, limits }: { clock: Clock; bootId: string; limits: JournalLimits },
): Journal {
  const epoch = readEpoch(database);
  const entries = createEntries(database, clock, bootId);
  const outgoing = createOutgoing(database, entries, epoch);
  const desired = createDesiredStates(database, entries, clock);
  const attempts = createAttempts(database, entries, clock);
  const { batch, acknowledge, unacknowledged } = outgoing;
  const { remember, recall } = createMemory(database);
  return {
    epoch,
    bootId,
    append: entries.append,
    entries: entries.list,
    receive: desired.receive,
    desired: desired.newest,
    batch,
    acknowledge,
    unacknowledged,
    openAttempts: attempts.open,
    saveAttempt: attempts.save,
    closeAttempt: attempts.close,
    quarantined: attempts.quarantined,
    release: attempts.release,
    updates: createUpdates(database).list,
    remember,
    recall,
    prune: createPrune(database, entries, outgoing, limits),
    close: () => void database.close(),
  };
}

/** Given once, when the file is new. */
function readEpoch(database: Connection): string {
  database
    .prepare("INSERT INTO journal (id, epoch) VALUES (1, ?) ON CONFLICT (id) DO NOTHING")
    .run(randomUUID());
  const epoch = database.prepare<[], string>("SELECT epoch FROM journal").pluck().get();
  if (epoch === undefined) throw new TypeError("the journal has no epoch after it was given one");
  return epoch;
}

function guardAll(file: string, journal: Journal): Journal {
  const calls = Object.entries(journal).map(([name, member]) => [
    name,
    typeof member === "function" ? guarded(file, member) : member,
  ]);
  return Object.fromEntries(calls) as Journal;
}
