// Keeps two agents from using one data directory at the same time.
import Database, { SqliteError } from "better-sqlite3";
import { FleetError } from "#shared/errors.ts";

export interface Lock {
  release(): void;
}

/** Holds an exclusive SQLite transaction on the file. The kernel ends it with the process, SIGKILL
 *  included, so that no stale lock has to be told from a live one by its age.
 *  @throws FleetError journal_unusable when another agent holds it */
export function acquireLock(file: string): Lock {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { timeout: 0 });
    database.exec("BEGIN EXCLUSIVE");
  } catch (cause) {
    database?.close();
    throw refusal(file, cause);
  }
  const held = database;
  return { release: () => void held.close() };
}

function refusal(file: string, cause: unknown): FleetError {
  const busy = cause instanceof SqliteError && cause.code.startsWith("SQLITE_BUSY");
  return new FleetError("journal_unusable", {
    message: busy ? `another agent holds the lock ${file}` : `the lock ${file} cannot be taken`,
    hint: busy
      ? "Stop the other agent, or give this one a data directory of its own."
      : "Check that its directory exists and belongs to the agent's user.",
    subject: file,
    cause,
  });
}
