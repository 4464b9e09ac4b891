// A copy of the database in one file, made while the hub works, and what is wrong with such a file.
import Database from "better-sqlite3";
import { errorCodeOf } from "./fault.ts";

/** Pages that are copied before others get their turn: 4 MB. */
const pagesAtOnce = 1000;

/** The copy is of one instant: what is written meanwhile is in it whole or not at all. */
export async function copyDatabase(database: Database.Database, file: string): Promise<void> {
  await database.backup(file, { progress: () => pagesAtOnce });
  const copy = new Database(file);
  try {
    // Without this the copy would want a -wal file beside it.
    copy.pragma("journal_mode = DELETE");
  } finally {
    copy.close();
  }
}

export interface Examined {
  /** The newest migration. */
  schema: number;
  devices: number;
}

/** Reads the whole file.
 *  @returns what is wrong with it, as one sentence, or what it holds */
export function examineCopy(file: string): Examined | string {
  let database: Database.Database | undefined;
  try {
    database = new Database(file, { readonly: true, fileMustExist: true });
    const finding = database.pragma("integrity_check(1)", { simple: true });
    if (finding !== "ok") return `the database is damaged: ${String(finding)}`;
    const [orphan] = database.pragma("foreign_key_check") as unknown[];
    if (orphan !== undefined) return "the database holds rows whose owner is missing";
    const count = (sql: string): number =>
      Number(database?.prepare<[], number>(sql).pluck().get() ?? 0);
    return {
      schema: count("select max(id) from migrations"),
      devices: count("select count(*) from devices"),
    };
  } catch (error) {
    return `the database cannot be read (${errorCodeOf(error) || String(error)})`;
  } finally {
    database?.close();
  }
}
