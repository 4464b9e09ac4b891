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
  hint: "Stop the agent, move the file and its -wal and -shm files aside, and start it again: the hub keeps every entry that it acknowledged.",
  retry: "never",
};

/** By SQLite's primary result code: what it means for the journal. */
const verdicts: Readonly<Record<string, Verdict>> = {
  SQLITE_CORRUPT: damaged,
  SQLITE_NOTADB: damaged,
  SQLITE_FULL: {
    says: "cannot grow: the disk is full",
    hint: "Free disk space.",
    retry: "later",
  },
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
  return verdicts[primary] ?? unknown;
}

export function journalDamaged(file: string, finding: string): FleetError {
  return new FleetError("journal_unusable", {
    message: `the journal ${file} is damaged: ${finding}`,
    hint: damaged.hint,
    subject: file,
  });
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
      throw error instanceof SqliteError ? unusable(file, error) : error;
    }
  };
}

function unusable(file: string, cause: InstanceType<typeof SqliteError>): FleetError {
  const { says, hint, retry } = verdictOf(cause.code);
  const message = `the journal ${file} ${says} (${cause.message})`;
  return new FleetError("journal_unusable", { message, hint, retry, subject: file, cause });
}
