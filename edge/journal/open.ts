// Opens the journal: one SQLite file that keeps what the device must remember over a power cut.
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { markDamaged, removeSetAside } from "./aside.ts";
import { readBootId } from "./boot.ts";
import { type Core, createCore } from "./core.ts";
import { type Connection, inMemory, openDatabase } from "./database.ts";
import { examine, type Finding } from "./examine.ts";
import { guardCalls, type Rooms, withRoom } from "./guard.ts";
import type { Journal } from "./port.ts";
import { defaultLimits, type JournalLimits } from "./prune.ts";
import type { Shadow } from "./shadow.ts";
import { type JournalState, nameDatabase, type StateOfJournal } from "./state.ts";
import { isFull, unusable } from "./unusable.ts";

/** For the check of a database in use; nothing waits for it. */
const integrityLimitMs = 600_000;

export interface JournalOptions {
  file: string;
  clock: Clock;
  /** The kernel's, unless a test says otherwise. */
  bootId?: string;
  limits?: JournalLimits;
  /** The file was found damaged while it was in use; called once. The next start rebuilds it, so the process
   *  should end. */
  onDamaged?: (finding: string) => void;
  /** A write found the disk full, and the journal could make no room by itself.
   *  @returns whether space was freed; then the write is tried again */
  onFull?: () => boolean;
}

export interface OpenOptions extends JournalOptions {
  isChecked?: boolean;
  shadow?: Shadow;
  volatile?: FleetError;
  /** Runs in the transaction that gives a new database its name, so that it is whole or not there. */
  begin?: (core: Core, isNew: boolean) => void;
}

/** The caller holds the lock of the data directory (lock.ts).
 *  @throws FleetError journal_unusable */
export function openJournal(options: OpenOptions): Journal {
  const { file } = options;
  const rooms = roomsOutside(options);
  try {
    const database = withRoom(rooms, () => openDatabase(file, options));
    try {
      const core = withRoom(rooms, () => build(database, options));
      return enclose(core, rooms, options);
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw unusable(file, error);
  }
}

function build(database: Connection, options: OpenOptions): Core {
  const { clock, bootId = readBootId(), limits = defaultLimits, shadow } = options;
  const onChange = (state: StateOfJournal): void => void shadow?.keep(state.read());
  const onWish = (state: JournalState): void => {
    // What the next start will not know, the device must not claim to have seen.
    if (options.volatile !== undefined) throw options.volatile;
    if (shadow?.keep(state) === "EROFS") throw readOnly(options.file);
  };
  const buildAll = database.transaction(() => {
    const isNew = nameDatabase(database);
    const core = createCore(database, { clock, bootId, limits, onChange, onWish });
    options.begin?.(core, isNew);
    return core;
  });
  const core = buildAll();
  // Whatever cannot be read is found now, and not in the middle of an update.
  core.calls.desired();
  const state = core.state.read();
  shadow?.keep(state);
  return core;
}

/** SQLite may still write into files that were open before; after the next start nothing of it is found. */
function readOnly(file: string): FleetError {
  return new FleetError("journal_unusable", {
    message: `the disk of the journal ${file} is read-only`,
    hint: "Check the disk: dmesg shows its errors. The device goes on with what it has.",
    retry: "later",
    subject: file,
  });
}

function enclose(core: Core, roomsOutside: Rooms, options: OpenOptions): Journal {
  const { file, clock } = options;
  let isDamaged = false;
  const onDamage = (finding: string): void => {
    if (isDamaged) return;
    isDamaged = true;
    if (file !== inMemory) markDamaged(file, finding);
    options.onDamaged?.(finding);
  };
  const integrity = async (): Promise<string | undefined> => {
    if (file === inMemory) return undefined;
    const limitMs = integrityLimitMs;
    const finding = damageOf(await examine({ file, check: "integrity_check", clock, limitMs }));
    if (finding !== undefined) onDamage(finding);
    return finding;
  };
  const why = options.volatile === undefined ? {} : { volatile: options.volatile };
  const journal: Journal = Object.assign(core.calls, { integrity }, why);
  return guardCalls(journal, { file, rooms: [() => thinned(core), ...roomsOutside], onDamage });
}

/** A file that is in use cannot be absent, unless someone has removed it under the agent. */
function damageOf(finding: Finding): string | undefined {
  if (finding.is === "absent") return "the file is gone";
  return finding.is === "damaged" ? finding.what : undefined;
}

function thinned(core: Core): boolean {
  try {
    core.thin();
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  return true;
}

/** What else gives way: copies of damaged journals, and then what the caller has in reserve. */
function roomsOutside({ file, onFull }: OpenOptions): Rooms {
  return [() => removeSetAside(file), () => onFull?.() ?? false];
}
