// Opens the journal's SQLite file: durable settings, integrity check, migrations.
import { closeSync, openSync } from "node:fs";
import Database from "better-sqlite3";
import { FleetError } from "#shared/errors.ts";
import { errnoOf } from "#shared/files.ts";
import { migrations } from "./migrations.ts";
import { Damage, guarded } from "./unusable.ts";

export type Connection = Database.Database;

/** Instead of a file: gone with the process. */
export const inMemory = ":memory:";

export const newerAgent = "it was written by a newer agent";

/** FULL and not NORMAL: in WAL mode NORMAL may lose rows of which the caller was told that they are
 *  written (https://www.sqlite.org/pragma.html#pragma_synchronous). The two limits bound the WAL file. */
const settings = [
  "journal_mode = WAL",
  "synchronous = FULL",
  "foreign_keys = ON",
  "wal_autocheckpoint = 500",
  "journal_size_limit = 4194304",
];

/** @param isChecked its integrity was checked a moment ago
 *  @throws FleetError journal_unusable */
export function openDatabase(file: string, { isChecked = false } = {}): Connection {
  const open = guarded(file, () => {
    if (file !== inMemory) createPrivate(file);
    const database = new Database(file, { timeout: 1000 });
    try {
      for (const setting of settings) database.pragma(setting);
      if (!isChecked) checkIntegrity(database);
      migrate(database);
    } catch (error) {
      database.close();
      throw error;
    }
    return database;
  });
  return open();
}

/** SQLite would create the file readable by everyone; its -wal and -shm files inherit the mode. */
function createPrivate(file: string): void {
  try {
    closeSync(openSync(file, "a", 0o600));
  } catch (cause) {
    const why = errnoOf(cause);
    throw new FleetError("journal_unusable", {
      message: `the journal ${file} cannot be opened${why === undefined ? "" : ` (${why})`}`,
      hint: "Check that its directory exists and belongs to the agent's user.",
      subject: file,
      cause,
    });
  }
}

/** Stops at the first finding; the journal's own bound keeps the scan short. */
function checkIntegrity(database: Connection): void {
  const finding = database.pragma("quick_check(1)", { simple: true });
  if (finding !== "ok") throw new Damage(String(finding));
}

function migrate(database: Connection): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > migrations.length) throw new Damage(newerAgent);
  for (const [index, sql] of migrations.entries()) {
    if (index < version) continue;
    const step = database.transaction(() => {
      database.exec(sql);
      database.pragma(`user_version = ${index + 1}`);
    });
    step();
  }
}
