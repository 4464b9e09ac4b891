// The update history of a device, put together from its journal entries.
import { z } from "@hono/zod-openapi";
import { AppName } from "#shared/ids.ts";
import { type JournalEntry, StepFinishedBody, UpdateFinishedBody } from "#shared/journal.ts";
import { component } from "./component.ts";
import { UnixMs } from "./schema.ts";

const UpdateStep = z.object({
  step: z.string(),
  at: UnixMs,
  durationMs: z.number(),
  ok: z.boolean(),
  message: z.string().exactOptional(),
});

export const UpdateView = component(
  "Update",
  z.object({
    attempt: z.string(),
    app: AppName,
    revision: z.string(),
    digest: z.string(),
    commit: z.string(),
    startedAt: UnixMs,
    finishedAt: UnixMs.exactOptional().meta({ description: "Absent while it is under way." }),
    durationMs: z.number().exactOptional(),
    outcome: z.enum(["running", "succeeded", "refused", "rolledBack", "superseded", "failed"]),
    code: z.string().exactOptional(),
    message: z.string().exactOptional(),
    steps: z.array(UpdateStep).meta({ description: "Oldest first." }),
  }),
);
export type UpdateView = z.infer<typeof UpdateView>;

const Started = z.object({
  attempt: z.string(),
  revision: z.string(),
  digest: z.string(),
  commit: z.string(),
});

/** Names the attempt that an entry belongs to. */
const Part = z.object({ attempt: z.string() });

export function attemptOf(entry: JournalEntry): string | undefined {
  return Part.safeParse(entry.body).data?.attempt;
}

/** Updates of these entries, newest first. An attempt without its `update.finished` is running; one
 *  without its `update.started` (thinned out on the device) begins where its duration says. Pure.
 *  @param entries newest first, as the store gives them */
export function assembleUpdates(entries: readonly JournalEntry[]): UpdateView[] {
  const byAttempt = Map.groupBy(entries, attemptOf);
  return [...byAttempt]
    .flatMap(([attempt, parts]) => (attempt === undefined ? [] : updateOf(attempt, parts)))
    .sort((a, b) => b.startedAt - a.startedAt);
}

function updateOf(attempt: string, parts: JournalEntry[]): UpdateView[] {
  const start = parts.find(({ kind }) => kind === "update.started");
  const end = parts.find(({ kind }) => kind === "update.finished");
  const app = AppName.safeParse((end ?? start)?.app).data;
  const names = Started.safeParse((end ?? start)?.body).data;
  if (app === undefined || names === undefined) return [];
  const { revision, digest, commit } = names;
  const steps = parts.flatMap(stepOf).reverse();
  return [{ attempt, app, revision, digest, commit, ...timing(start, end), steps }];
}

type Timing = Pick<
  UpdateView,
  "startedAt" | "finishedAt" | "durationMs" | "outcome" | "code" | "message"
>;

function timing(start: JournalEntry | undefined, end: JournalEntry | undefined): Timing {
  const body = UpdateFinishedBody.safeParse(end?.body).data;
  if (end === undefined || body === undefined) {
    return { startedAt: start?.at ?? 0, outcome: "running" };
  }
  const { outcome, durationMs, code, message } = body;
  return {
    startedAt: start?.at ?? end.at - durationMs,
    finishedAt: end.at,
    durationMs,
    outcome,
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
  };
}

function stepOf({ kind, at, body }: JournalEntry): UpdateView["steps"] {
  const parsed = kind === "step.finished" ? StepFinishedBody.safeParse(body).data : undefined;
  if (parsed === undefined) return [];
  const { step, durationMs, ok, message } = parsed;
  return [{ step, at, durationMs, ok, ...(message === undefined ? {} : { message }) }];
}
