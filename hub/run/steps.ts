// What became of each step of a run, as its device's journal tells it; pure.
import { RunStepEndedBody, RunStepStartedBody } from "#shared/run.ts";
import { isOver, type Run, type RunEntry } from "./model.ts";

export const stepStates = ["Waiting", "Running", "Succeeded", "Failed", "NotReached"] as const;

export interface StepRecord {
  kind: string;
  state: (typeof stepStates)[number];
  /** The last one, from 1; 0 before the first. */
  attempt: number;
  /** Unix ms by the device's clock: the first attempt's start, the last one's end. */
  startedAt: number | null;
  endedAt: number | null;
  code: string | null;
  message: string | null;
}

/** @param entries of this run, in their order */
export function stepsOf(run: Run, entries: readonly (RunEntry & { at: number })[]): StepRecord[] {
  const records = run.steps.map(({ kind }): StepRecord => ({ kind, ...untouched }));
  for (const entry of entries) note(records, entry);
  if (isOver(run.head)) for (const record of records) close(record);
  return records;
}

const untouched = {
  state: "Waiting",
  attempt: 0,
  startedAt: null,
  endedAt: null,
  code: null,
  message: null,
} as const;

function note(records: StepRecord[], { kind, at, body }: RunEntry & { at: number }): void {
  if (kind === "run.step.started") {
    const { index, attempt } = RunStepStartedBody.safeParse(body).data ?? {};
    const record = records[index ?? -1];
    if (record === undefined || attempt === undefined) return;
    const startedAt = record.startedAt ?? at;
    Object.assign(record, { state: "Running", attempt, startedAt, endedAt: null });
  }
  if (kind === "run.step.ended") {
    const ended = RunStepEndedBody.safeParse(body).data;
    const record = records[ended?.index ?? -1];
    if (record === undefined || ended === undefined) return;
    const { ok, attempt, code = null, message = null } = ended;
    Object.assign(record, {
      state: ok ? "Succeeded" : "Failed",
      attempt,
      endedAt: at,
      code,
      message,
    });
  }
}

/** Nothing more comes of it. */
function close(record: StepRecord): void {
  if (record.state === "Waiting") record.state = "NotReached";
  if (record.state === "Running") record.state = "Failed";
}
