// Turns what SQLite throws into a FleetError that names the file and the next step.
import { SqliteError } from "better-sqlite3";
import { FleetError, type Retry } from "#shared/errors.ts";

interface Verdict {
  says: string;
  hint: string;
  retry: Retry;
}

const damaged: Verdict = {
  says: "is damaged",
  hint: "Start the agent again: it moves the file aside and begins a new one; the hub keeps every entry that it acknowledged.",
  retry: "never",
};

/** The statements are fixed, so an error in one tells of tables or rows that are not the journal's. */
const foreign: Verdict = { ...damaged, says: "holds what no journal has written" };

const full: Verdict = {
  says: "cannot grow: the disk is full",
  hint: "Free disk space.",
  retry: "later",
};

/** By SQLite's result code, the extended one first: what it means for the journal. */
const verdicts: Readonly<Record<string, Verdict>> = {
  SQLITE_CORRUPT: damaged,
  SQLITE_NOTADB: damaged,
  SQLITE_ERROR: foreign,
  SQLITE_FULL: full,
  // The shared memory file of the WAL, to which a full disk gives no page.
  SQLITE_IOERR_SHMSIZE: full,
  SQLITE_IOERR: {
    says: "cannot be read or written",
    hint: "Check the disk: dmesg shows its errors.",
    retry: "later",
  },
  SQLITE_READONLY: {
    says: "is read-only",
    hint: "Check the file's owner and whether its file system is mounted read-only.",
    retry: "later",
  },
  SQLITE_CANTOPEN: {
    says: "cannot be opened",
    hint: "Check that its directory exists and belongs to the agent's user.",
    retry: "never",
  },
  SQLITE_BUSY: {
    says: "is in use by another program",
    hint: "Stop the other program.",
    retry: "later",
  },
};

const unknown: Verdict = {
  says: "failed",
  hint: "See the cause in the agent's log.",
  retry: "later",
};

/** `SQLITE_IOERR_FSYNC` and its like count as `SQLITE_IOERR`. */
function verdictOf(code: string): Verdict {
  const primary = code.split("_").slice(0, 2).join("_");
  return verdicts[code] ?? verdicts[primary] ?? unknown;
}

/** The file can be read, but is not what this journal has written. Becomes `journal_unusable`. */
export class Damage extends Error {
  override readonly name = "Damage";
}

/** The JSON of a row.
 *  @throws Damage */
export function parseColumn(text: string, column: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Damage(`a row of ${column} holds no JSON`, { cause });
  }
}

/** What is wrong with the content of the file; undefined when the fault lies elsewhere. */
export function damageIn(error: unknown): string | undefined {
  if (error instanceof FleetError) return damageIn(error.cause);
  if (error instanceof Damage) return error.message;
  if (!(error instanceof SqliteError)) return undefined;
  const verdict = verdictOf(error.code);
  return verdict === damaged || verdict === foreign ? error.message : undefined;
}

export function isFull(error: unknown): boolean {
  if (error instanceof FleetError) return isFull(error.cause);
  return error instanceof SqliteError && verdictOf(error.code) === full;
}

/** The call, with everything that SQLite throws turned into `journal_unusable`. */
export function guarded<A extends unknown[], R>(
  file: string,
  call: (...args: A) => R,
): (...args: A) => R {
  return (...args) => {
    try {
      return call(...args);
    } catch (error) {
      throw unusable(file, error);
    }
  };
}

/** `journal_unusable` for what SQLite or a damaged row threw; anything else as it is. */
export function unusable(file: string, cause: unknown): unknown {
  if (cause instanceof Damage) return said(file, damaged, cause);
  if (cause instanceof SqliteError) return said(file, verdictOf(cause.code), cause);
  return cause;
}

function said(file: string, { says, hint, retry }: Verdict, cause: Error): FleetError {
  const message = `the journal ${file} ${says} (${cause.message})`;
  return new FleetError("journal_unusable", { message, hint, retry, subject: file, cause });
}
