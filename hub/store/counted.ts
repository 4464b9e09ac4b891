// A better-sqlite3 connection that keeps its statements prepared and counts every row they touch.
import type Database from "better-sqlite3";
import type { SqliteDatabase, SqliteStatement } from "kysely";
import type { StoreStats } from "./port.ts";

/** Batches of every size are statements of their own, so the cache must end somewhere. */
const maxPrepared = 128;

type Prepared = Database.Statement<unknown[]>;

export interface CountedDatabase extends SqliteDatabase {
  readonly stats: () => StoreStats;
  readonly inTransaction: () => boolean;
}

export function countedDatabase(database: Database.Database): CountedDatabase {
  const stats: StoreStats = { rowsRead: 0, rowsWritten: 0, statements: 0 };
  const prepared = new Map<string, SqliteStatement>();
  const prepare = (sql: string): SqliteStatement => {
    const known = prepared.get(sql);
    if (known !== undefined) return known;
    if (prepared.size >= maxPrepared) prepared.clear();
    const fresh = countedStatement(database.prepare<unknown[]>(sql), stats);
    prepared.set(sql, fresh);
    return fresh;
  };
  return {
    prepare,
    close: () => database.close(),
    stats: () => ({ ...stats }),
    inTransaction: () => database.inTransaction,
  };
}

function countedStatement(statement: Prepared, stats: StoreStats): SqliteStatement {
  const count = (rows: number): void => {
    stats.statements += 1;
    if (statement.readonly) stats.rowsRead += rows;
    else stats.rowsWritten += rows;
  };
  return {
    reader: statement.reader,
    all: (parameters) => {
      const rows = statement.all(...parameters);
      count(rows.length);
      return rows;
    },
    run: (parameters) => {
      const result = statement.run(...parameters);
      count(controlsTransaction(statement.source) ? 0 : result.changes);
      return result;
    },
    iterate: (parameters) => statement.iterate(...parameters),
  };
}

/** `changes` of these still tells about the statement before them. */
function controlsTransaction(sql: string): boolean {
  return sql === "commit" || sql === "rollback" || sql.startsWith("begin");
}
