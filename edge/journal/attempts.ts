// Update attempts that are under way, and the quarantine that failed ones leave behind.
import type { Attempt, Outcome } from "#edge/plan/attempt.ts";
import type { Clock } from "#shared/clock.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { UpdateFinishedBody } from "#shared/journal.ts";
import type { FailureReport } from "#shared/reported.ts";
import type { Connection } from "./database.ts";
import type { Entries } from "./entries.ts";
import type { Quarantined } from "./port.ts";
import { parseColumn } from "./unusable.ts";

interface QuarantineRow {
  app: AppName;
  revision: RevisionId;
  failure: string;
}

export interface Attempts {
  open(): Attempt[];
  save(attempt: Attempt): void;
  close(attempt: Attempt, outcome: Outcome, options: { quarantine: boolean }): void;
  quarantined(): Quarantined[];
  release(app: AppName, revision: RevisionId): void;
  /** Puts these in the place of what is there. */
  restore(attempts: Attempt[], quarantined: Quarantined[]): void;
}

export function createAttempts(database: Connection, entries: Entries, clock: Clock): Attempts {
  const list = database.prepare<[], string>("SELECT state FROM attempts ORDER BY rowid").pluck();
  const known = database.prepare<[string], number>("SELECT 1 FROM attempts WHERE id = ?").pluck();
  const upsert = database.prepare<[string, string, string]>(
    `INSERT INTO attempts (id, app, state) VALUES (?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET state = excluded.state`,
  );
  const remove = database.prepare<[string]>("DELETE FROM attempts WHERE id = ?");
  const quarantine = createQuarantine(database, entries);
  const open = (): Attempt[] =>
    list.all().map((state) => parseColumn(state, "attempts") as Attempt);
  const save = database.transaction((attempt: Attempt) => {
    const isNew = known.get(attempt.id) === undefined;
    upsert.run(attempt.id, attempt.app, JSON.stringify(attempt));
    if (isNew) entries.append({ kind: "update.started", app: attempt.app, body: names(attempt) });
  });
  return {
    open,
    save,
    close: database.transaction((attempt: Attempt, outcome: Outcome, options) => {
      remove.run(attempt.id);
      const body = finished(attempt, outcome, clock);
      entries.append({ kind: "update.finished", app: attempt.app, body });
      if (options.quarantine) quarantine.add(attempt, failureOf(attempt, clock));
    }),
    quarantined: quarantine.list,
    release: quarantine.release,
    restore: (attempts, quarantined) => {
      const wanted = new Set(attempts.map(({ id }) => id));
      for (const { id } of open()) if (!wanted.has(id)) remove.run(id);
      for (const attempt of attempts) save(attempt);
      quarantine.restore(quarantined);
    },
  };
}

function createQuarantine(database: Connection, entries: Entries) {
  const insert = database.prepare<[string, string, string]>(
    "INSERT OR REPLACE INTO quarantine (app, revision, failure) VALUES (?, ?, ?)",
  );
  const remove = database.prepare<[string, string]>(
    "DELETE FROM quarantine WHERE app = ? AND revision = ?",
  );
  const all = database.prepare<[], QuarantineRow>(
    "SELECT app, revision, failure FROM quarantine ORDER BY app, revision",
  );
  const clear = database.prepare<[]>("DELETE FROM quarantine");
  const tell = (app: AppName, type: "Normal" | "Warning", reason: string, message: string) =>
    entries.append({ kind: "event", app, body: { type, reason, message } });
  return {
    list: (): Quarantined[] => all.all().map((row) => ({ ...row, failure: readFailure(row) })),
    restore: (quarantined: Quarantined[]): void => {
      clear.run();
      for (const { app, revision, failure } of quarantined) {
        insert.run(app, revision, JSON.stringify(failure));
      }
    },
    add: ({ app, to, digest }: Attempt, failure: FailureReport): void => {
      insert.run(app, to, JSON.stringify(failure));
      const message = `release ${digest.slice(0, 12)} of ${app} is not tried again here: ${failure.message}`;
      tell(app, "Warning", "ReleaseQuarantined", message);
    },
    release: database.transaction((app: AppName, revision: RevisionId) => {
      if (remove.run(app, revision).changes === 0) return;
      const message = `revision ${revision.slice(0, 12)} of ${app} may be tried again`;
      tell(app, "Normal", "QuarantineLifted", message);
    }),
  };
}

function readFailure({ failure }: QuarantineRow): FailureReport {
  return parseColumn(failure, "quarantine") as FailureReport;
}

function names(attempt: Attempt): Record<string, unknown> {
  const { id, from, to, digest, commit } = attempt;
  return { attempt: id, revision: to, digest, commit, ...(from === undefined ? {} : { from }) };
}

function finished(
  attempt: Attempt,
  outcome: Outcome,
  clock: Clock,
): UpdateFinishedBody & { hint?: string } {
  const { id, to, digest, commit, failure } = attempt;
  const told = outcome === "succeeded" || failure === undefined ? {} : detail(failure);
  const durationMs = durationOf(attempt, clock);
  return { attempt: id, revision: to, digest, commit, outcome, durationMs, ...told };
}

function detail({ code, message, hint }: FailureReport) {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

function failureOf(attempt: Attempt, clock: Clock): FailureReport {
  const at = Math.round(clock.now());
  return attempt.failure ?? { code: "internal", message: "the update failed", at };
}

/** Wall time, because the attempt may have begun before a reboot; never below zero, because a Pi's
 *  clock may have been set back since. */
function durationOf(attempt: Attempt, clock: Clock): number {
  return Math.max(0, Math.round(clock.now()) - attempt.startedAt);
}
