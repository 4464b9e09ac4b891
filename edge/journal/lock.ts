// Keeps two agents from using one data directory at the same time.
import { accessSync, constants, existsSync, realpathSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import Database, { SqliteError } from "better-sqlite3";
import { sha256 } from "#shared/canonical.ts";
import { FleetError } from "#shared/errors.ts";

export interface Lock {
  release(): void;
}

/** In memory first: where the data directory takes no lock, the temporary directory is often on the same
 *  disk. */
const substitutes = (): string[] => ["/dev/shm", tmpdir()];

/** Holds an exclusive SQLite transaction on the file. The kernel ends it with the process, SIGKILL
 *  included, so that no stale lock has to be told from a live one by its age. Where the disk takes no
 *  lock, because it is read-only or full, a file elsewhere stands in.
 *  @throws FleetError journal_unusable when another agent holds it */
export function acquireLock(file: string): Lock {
  if (!existsSync(dirname(file))) return holdOne(file, [file]);
  const name = `fleet-agent-${sha256(realpathSync(dirname(file))).slice(0, 16)}.lock`;
  return holdOne(file, [file, ...substitutes().map((directory) => join(directory, name))]);
}

/** The first of the places that takes a lock; one that another agent holds ends the search. */
function holdOne(file: string, places: readonly string[]): Lock {
  let refused: unknown;
  for (const place of places) {
    try {
      return hold(place);
    } catch (cause) {
      refused = cause;
      if (isBusy(cause)) break;
    }
  }
  throw refusal(file, refused);
}

function hold(file: string): Lock {
  const database = new Database(file, { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
    // On a read-only file SQLite takes a shared lock instead, and says nothing.
    accessSync(file, constants.W_OK);
  } catch (error) {
    database.close();
    throw error;
  }
  return { release: () => void database.close() };
}

function isBusy(error: unknown): boolean {
  return error instanceof SqliteError && error.code.startsWith("SQLITE_BUSY");
}

function refusal(file: string, cause: unknown): FleetError {
  const busy = isBusy(cause);
  return new FleetError("journal_unusable", {
    message: busy ? `another agent holds the lock ${file}` : `the lock ${file} cannot be taken`,
    hint: busy
      ? "Stop the other agent, or give this one a data directory of its own."
      : "Check that its directory exists and belongs to the agent's user.",
    subject: file,
    cause,
  });
}
