// Opens the hub's store on SQLite.
import Database from "better-sqlite3";
import {
  CompiledQuery,
  type DatabaseConnection,
  Kysely,
  SqliteDialect,
  SqliteDriver,
} from "kysely";
import { FleetError } from "#shared/errors.ts";
import { attendanceStore } from "./attendances.ts";
import { bisectStore } from "./bisects.ts";
import { branchStore } from "./branches.ts";
import { changeStore } from "./changes.ts";
import { copyDatabase } from "./copy.ts";
import { type CountedDatabase, countedDatabase } from "./counted.ts";
import { countStore } from "./counts.ts";
import { desiredStore } from "./desired.ts";
import { deviceStore } from "./devices.ts";
import { eventStore } from "./events.ts";
import { errorCodeOf, withStoreFaults } from "./fault.ts";
import { type Allowance, allowanceOf, defaultMegabytes } from "./holding_port.ts";
import { type Bounds, holdingStore } from "./holdings.ts";
import { journalStore } from "./journal.ts";
import { memoStore } from "./memos.ts";
import { migrate } from "./migrate.ts";
import { operatorStore } from "./operators.ts";
import { pinStore } from "./pins.ts";
import type { Store } from "./port.ts";
import { pruneStore } from "./prune.ts";
import { releaseStore } from "./releases.ts";
import { rolloutStore } from "./rollouts.ts";
import { runStore } from "./runs.ts";
import type { Tables } from "./tables.ts";
import { telemetryStore } from "./telemetry.ts";
import { tokenStore } from "./tokens.ts";

interface Options {
  /** Path of the database, or `:memory:`. */
  file: string;
  /** Unix ms, for the dates of migrations and of what was deleted to keep a device within its allowance. */
  now?: () => number;
  /** What is kept of each device's history. */
  allowance?: Allowance;
}

/** How long a statement waits for another process's lock, e.g. a backup's. */
const busyTimeoutMs = 5000;

/** @throws FleetError store_unavailable with the next step when the file is damaged, newer than this
 *  hub or not to be opened */
export async function openStore(options: Options): Promise<Store> {
  const { file, now = Date.now, allowance = allowanceOf(defaultMegabytes) } = options;
  const database = openFile(file);
  const counted = countedDatabase(database);
  const db = new Kysely<Tables>({ dialect: new ImmediateDialect({ database: counted }) });
  try {
    await migrate(db, now());
  } catch (error) {
    counted.close();
    throw openingError(file, error);
  }
  return assemble(db, counted, { allowance, now }, (copy) => copyDatabase(database, copy));
}

/** Every transaction of the store writes: taking the lock at once spares a failing upgrade later. */
class ImmediateDialect extends SqliteDialect {
  readonly #database: CountedDatabase;

  constructor(config: { database: CountedDatabase }) {
    super(config);
    this.#database = config.database;
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver({ database: this.#database });
  }
}

class ImmediateDriver extends SqliteDriver {
  readonly #database: CountedDatabase;

  constructor(config: { database: CountedDatabase }) {
    super(config);
    this.#database = config.database;
  }

  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }

  /** On a full disk SQLite has rolled back by itself; a second time would fail, and hide why.
   *  @see https://www.sqlite.org/lang_transaction.html, section 3.1 */
  override async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (this.#database.inTransaction()) await super.rollbackTransaction(connection);
  }
}

function openFile(file: string): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: busyTimeoutMs });
    database.pragma("journal_mode = WAL");
    // NORMAL may lose acknowledged rows in a power cut.
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    return database;
  } catch (error) {
    database?.close();
    throw openingError(file, error);
  }
}

function openingError(file: string, cause: unknown): FleetError {
  if (cause instanceof FleetError) return cause;
  const code = errorCodeOf(cause);
  const damaged = code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB";
  return new FleetError("store_unavailable", {
    message: damaged
      ? `the hub's database ${file} is damaged or is not a database`
      : `the hub's database ${file} cannot be opened (${code || String(cause)})`,
    hint: damaged
      ? "Move the file and its -wal file aside and restore a backup; devices send again what the backup lacks."
      : "Check that the directory exists and that the hub may write to it.",
    subject: file,
    retry: damaged ? "never" : "later",
    cause,
  });
}

function assemble(
  db: Kysely<Tables>,
  counted: CountedDatabase,
  bounds: Bounds,
  backup: Store["backup"],
): Store {
  let closing: Promise<void> | undefined;
  const methods = withStoreFaults({
    ...deviceStore(db),
    ...changeStore(db, bounds),
    ...countStore(db),
    ...tokenStore(db),
    ...desiredStore(db),
    ...journalStore(db, bounds),
    ...eventStore(db, bounds),
    ...releaseStore(db),
    ...branchStore(db),
    ...operatorStore(db),
    ...pruneStore(db, bounds.allowance),
    ...holdingStore(db),
    ...rolloutStore(db),
    ...telemetryStore(db),
    ...runStore(db),
    ...attendanceStore(db),
    ...memoStore(db),
    ...pinStore(db),
    ...bisectStore(db),
    backup,
    ping: async () => {
      await db.selectFrom("counters").select("name").limit(1).execute();
    },
  });
  const close = (): Promise<void> => {
    closing ??= db.destroy();
    return closing;
  };
  return { ...methods, stats: counted.stats, close };
}
