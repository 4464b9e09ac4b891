// The worker thread in which a journal file is read as a whole, so that the agent answers meanwhile.
import { parentPort, workerData } from "node:worker_threads";
import Database, { SqliteError } from "better-sqlite3";
import { newerAgent } from "./database.ts";
import { migrations } from "./migrations.ts";

/** `finding`: the content is damaged. `code`: SQLite could not say. Neither: it is sound. */
export interface Verdict {
  finding?: string;
  code?: string;
}

/** Columns in which the agent keeps its own state; an entry's body is read with more patience. */
const documents = [
  ["desired_states", "content"],
  ["attempts", "state"],
  ["quarantine", "failure"],
  ["memory", "value"],
] as const;

const { file, check } = workerData as { file: string; check: "quick_check" | "integrity_check" };

/** Read-only, and closed without a checkpoint: whatever is wrong with the file, it stays as it is. */
function examine(): Verdict {
  const database = new Database(file, { readonly: true, fileMustExist: true, timeout: 1000 });
  try {
    const version = Number(database.pragma("user_version", { simple: true }));
    if (version > migrations.length) return { finding: newerAgent };
    const said = String(database.pragma(`${check}(1)`, { simple: true }));
    if (said !== "ok") return { finding: inOneLine(said) };
    if (version === 0 && hasTables(database)) return { finding: "it belongs to another program" };
    return version === migrations.length ? readDocuments(database) : {};
  } finally {
    database.close();
  }
}

function hasTables(database: Database.Database): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema").get() !== undefined;
}

function inOneLine(said: string): string {
  return said
    .replace(/^\*\*\* in database main \*\*\*/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
}

function readDocuments(database: Database.Database): Verdict {
  for (const [table, column] of documents) {
    const bad = database.prepare(`SELECT 1 FROM ${table} WHERE NOT json_valid(${column})`).get();
    if (bad !== undefined) return { finding: `a row of ${table} holds no JSON` };
  }
  return {};
}

function answer(): Verdict {
  try {
    return examine();
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
    return { code: error.code, finding: error.message };
  }
}

parentPort?.postMessage(answer());
