// Splits many rows so that no statement has more variables than a database takes.

/** SQLite takes 32,766 variables, PostgreSQL 65,535; 500 rows also keep a transaction short. */
const maxRows = 500;

export function chunksOf<T>(rows: readonly T[]): T[][] {
  const count = Math.ceil(rows.length / maxRows);
  return Array.from({ length: count }, (_, index) =>
    rows.slice(index * maxRows, (index + 1) * maxRows),
  );
}
