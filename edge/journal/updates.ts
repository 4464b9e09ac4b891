// The update history: records put together from the entries of each attempt.
import { z } from "zod";
import type { AppName, RevisionId } from "#shared/ids.ts";
import { type JournalEntry, StepFinishedBody } from "#shared/journal.ts";
import type { Connection } from "./database.ts";
import { type EntryRow, entryColumns, entryOf } from "./entries.ts";
import type { UpdateRecord } from "./port.ts";

const Finished = z.object({
  attempt: z.string(),
  revision: z.string(),
  digest: z.string(),
  commit: z.string(),
  outcome: z.enum(["succeeded", "refused", "rolledBack", "superseded"]),
  durationMs: z.number(),
  code: z.string().exactOptional(),
  message: z.string().exactOptional(),
  hint: z.string().exactOptional(),
});
type Finished = z.infer<typeof Finished>;

export interface Updates {
  list(query: { app?: AppName; limit: number }): UpdateRecord[];
}

export function createUpdates(database: Connection): Updates {
  const finished = database.prepare<[string | null, number], EntryRow>(
    `SELECT ${entryColumns} FROM entries WHERE kind = 'update.finished' AND app = coalesce(?, app)
     ORDER BY seq DESC LIMIT ?`,
  );
  const ofAttempt = database.prepare<[string], EntryRow>(
    `SELECT ${entryColumns} FROM entries WHERE attempt = ? ORDER BY seq`,
  );
  return {
    list: ({ app, limit }) =>
      finished
        .all(app ?? null, limit)
        .map(entryOf)
        .flatMap((entry) => {
          const body = Finished.safeParse(entry.body);
          if (!body.success) return [];
          return [recordOf(entry, body.data, ofAttempt.all(body.data.attempt).map(entryOf))];
        }),
  };
}

function recordOf(end: JournalEntry, body: Finished, entries: JournalEntry[]): UpdateRecord {
  const start = entries.find(({ kind }) => kind === "update.started");
  const { attempt, digest, commit, outcome } = body;
  return {
    attempt,
    app: end.app as AppName,
    revision: body.revision as RevisionId,
    digest,
    commit,
    startedAt: start?.at ?? end.at - body.durationMs,
    finishedAt: end.at,
    outcome,
    ...failureOf(end, body),
    steps: entries.flatMap(stepOf),
  };
}

function failureOf(end: JournalEntry, { code, message, hint }: Finished) {
  if (code === undefined || message === undefined) return {};
  return { failure: { code, message, at: end.at, ...(hint === undefined ? {} : { hint }) } };
}

function stepOf({ kind, at, body }: JournalEntry): UpdateRecord["steps"] {
  if (kind !== "step.finished") return [];
  const parsed = StepFinishedBody.safeParse(body);
  if (!parsed.success) return [];
  const { step, durationMs, ok, message } = parsed.data;
  return [{ step, at, durationMs, ok, ...(message === undefined ? {} : { message }) }];
}
