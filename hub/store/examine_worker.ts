// The worker thread in which a copy of the database is read as a whole.
import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { errorCodeOf } from "./fault.ts";

export interface Examined {
  /** The newest migration. */
  schema: number;
  devices: number;
}

const { file } = workerData as { file: string };

/** @returns what is wrong with the file, as one sentence, or what it holds */
function examine(): Examined | string {
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

parentPort?.postMessage(examine());
