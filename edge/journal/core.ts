// Puts the parts of the journal together over one database.
import type { Clock } from "#shared/clock.ts";
import { createAttempts } from "./attempts.ts";
import type { Connection } from "./database.ts";
import { createDesiredStates } from "./desired.ts";
import { createEntries } from "./entries.ts";
import { createMemory } from "./memory.ts";
import { createOutgoing } from "./outgoing.ts";
import type { Journal } from "./port.ts";
import { createPrune, type JournalLimits } from "./prune.ts";
import { createState, type JournalState, type StateOfJournal } from "./state.ts";
import { createUpdates } from "./updates.ts";

export interface Core {
  calls: Omit<Journal, "integrity" | "volatile">;
  state: StateOfJournal;
  startEpoch(): void;
  /** Makes room inside the file. */
  thin(): void;
}

interface CoreOptions {
  clock: Clock;
  bootId: string;
  limits: JournalLimits;
  /** After each write of what the shadow keeps. */
  onChange: (state: StateOfJournal) => void;
  /** Before a newer desired state is kept. Told in this order, so that whatever the device ever says it has
   *  observed is in the shadow too, though the disk may fail in the next instant. */
  onWish: (state: JournalState) => void;
}

export function createCore(
  database: Connection,
  { clock, bootId, limits, onChange, onWish }: CoreOptions,
): Core {
  const entries = createEntries(database, clock, bootId);
  const outgoing = createOutgoing(database, entries);
  const desired = createDesiredStates(database, entries, clock);
  const attempts = createAttempts(database, entries, clock);
  const memory = createMemory(database);
  const { prune, thin } = createPrune(database, entries, outgoing, limits);
  const { batch, acknowledge, unacknowledged, startEpoch } = outgoing;
  const state = createState({ entries, outgoing, desired, attempts, memory });
  const record: Journal["record"] = database.transaction((key, value, told) => {
    memory.remember(key, value);
    return told.map(entries.append);
  });
  const appendAll: Journal["appendAll"] = database.transaction((all) => all.map(entries.append));
  const telling =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      const result = call(...args);
      onChange(state);
      return result;
    };
  return {
    state,
    startEpoch,
    thin,
    calls: {
      get epoch() {
        return outgoing.epoch();
      },
      bootId,
      append: entries.append,
      appendAll,
      entries: entries.list,
      receive: telling((wanted, envelope) => {
        if (wanted.generation > desired.generation()) onWish({ ...state.read(), envelope });
        return desired.receive(wanted, envelope);
      }),
      desired: desired.newest,
      envelope: desired.envelope,
      batch,
      acknowledge,
      unacknowledged,
      acknowledged: outgoing.mark,
      openAttempts: attempts.open,
      saveAttempt: telling(attempts.save),
      closeAttempt: telling(attempts.close),
      quarantined: attempts.quarantined,
      release: telling(attempts.release),
      updates: createUpdates(database).list,
      remember: (key, value) => {
        if (memory.remember(key, value)) onChange(state);
      },
      recall: memory.recall,
      record: telling((key, value, told) => record(key, value, told)),
      prune,
      close: () => void database.close(),
    },
  };
}
