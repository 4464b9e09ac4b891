// The journal's schema as a list of steps that only grows; schema.sql shows where it has arrived.

/** Each runs once, in order, in a transaction of its own. Never change one that was released. */
export const migrations: readonly string[] = [
  `
CREATE TABLE journal (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  epoch        TEXT    NOT NULL,
  acknowledged INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE entries (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  boot_id      TEXT    NOT NULL,
  at           INTEGER NOT NULL,
  monotonic_ms REAL    NOT NULL,
  kind         TEXT    NOT NULL,
  app          TEXT,
  body         TEXT    NOT NULL,
  attempt      TEXT    GENERATED ALWAYS AS (body ->> '$.attempt') VIRTUAL
) STRICT;
CREATE INDEX entries_by_kind ON entries (kind, seq);
CREATE INDEX entries_by_attempt ON entries (attempt, seq) WHERE attempt IS NOT NULL;

CREATE TABLE desired_states (
  generation  INTEGER PRIMARY KEY,
  spec_hash   TEXT    NOT NULL,
  received_at INTEGER NOT NULL,
  content     TEXT    NOT NULL,
  envelope    TEXT    NOT NULL
) STRICT;

CREATE TABLE attempts (
  id    TEXT PRIMARY KEY,
  app   TEXT NOT NULL,
  state TEXT NOT NULL
) STRICT;

CREATE TABLE quarantine (
  app      TEXT NOT NULL,
  revision TEXT NOT NULL,
  failure  TEXT NOT NULL,
  PRIMARY KEY (app, revision)
) STRICT, WITHOUT ROWID;
`,
  `
CREATE TABLE memory (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
`,
  "ALTER TABLE journal ADD COLUMN began INTEGER NOT NULL DEFAULT 0;",
];
