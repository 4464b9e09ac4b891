// A copy of the database in one file, made while the hub works, and what is wrong with such a file.
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import type { Examined } from "./examine_worker.ts";

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

/** Reads the whole file, in a thread of its own: of a large fleet that takes minutes, in which the hub answers.
 *  @returns what is wrong with it, as one sentence, or what it holds */
export function examineCopy(file: string): Promise<Examined | string> {
  // Without the flags of this process, which may be meant for its main program alone.
  const worker = new Worker(new URL("./examine_worker.ts", import.meta.url), {
    workerData: { file },
    execArgv: [],
  });
  return new Promise((resolve) => {
    worker.once("message", resolve);
    worker.once("error", (error) => resolve(`the database cannot be read (${String(error)})`));
    worker.once("exit", () => resolve("the database cannot be read (its reader ended)"));
  });
}
