// The output of a run's scripts: gathered into bounded chunks, and journalled before anyone is told of it.
import type { Journal } from "#edge/journal/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import { maxLog, maxLogChunk, type RunId, RunLogBody } from "#shared/run.ts";
import type { OutputStream } from "./port.ts";

type Stream = RunLogBody["stream"];

/** What was written is on the disk within this. */
const gatherMs = 500;
/** What an entry takes of the log beside its text: streams that speak by turns have one for each word. */
const entryCost = 32;
/** No run has more of them. */
const maxEntries = Math.ceil(maxLog / entryCost);
/** So many pieces go into the journal at once, as far as they go. */
const maxHeld = 512;

export interface RunOutput {
  /** @param text as it came from the pipe */
  write(stream: OutputStream, text: string): void;
  /** The agent's own words. */
  say(text: string): void;
  /** Journals what is still held. */
  flush(): void;
}

interface Parts {
  journal: Pick<Journal, "appendAll" | "entries">;
  clock: Pick<Clock, "now">;
  run: RunId;
  /** Place of the step under way. */
  index(): number;
  /** What was journalled, for those who follow. */
  onLog(body: RunLogBody, at: number): void;
  onTrouble(why: string): void;
}

export function createRunOutput({
  journal,
  clock,
  run,
  index,
  onLog,
  onTrouble,
}: Parts): RunOutput {
  let held: { stream: Stream; text: string }[] = [];
  let heldLength = 0;
  let timer: NodeJS.Timeout | undefined;
  let logged = loggedBefore(journal, run);

  /** Nothing when the log is full. */
  const bodyOf = (stream: Stream, text: string): RunLogBody[] => {
    if (logged >= maxLog || text === "") return [];
    const room = maxLog - logged;
    const isCut = text.length + entryCost >= room ? ({ isCut: true } as const) : {};
    const kept = text.slice(0, room).toWellFormed();
    logged += kept.length + entryCost;
    return [{ run, index: index(), stream, text: kept, ...isCut }];
  };

  /** A line that is still being written waits for its end. */
  const flushLines = (): void => {
    const last = held.at(-1);
    const end = (last?.text.lastIndexOf("\n") ?? -1) + 1;
    const rest = last === undefined || end === 0 ? "" : last.text.slice(end);
    if (last !== undefined && rest !== "") last.text = last.text.slice(0, end);
    flush();
    if (last === undefined || rest === "") return;
    held = [{ stream: last.stream, text: rest }];
    heldLength = rest.length;
  };

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const all = held;
    held = [];
    heldLength = 0;
    try {
      const bodies = all.flatMap(({ stream, text }) =>
        chunks(text).flatMap((part) => bodyOf(stream, part)),
      );
      if (bodies.length === 0) return;
      journal.appendAll(bodies.map((body) => ({ kind: "run.log", body })));
      for (const body of bodies) onLog(body, Math.round(clock.now()));
    } catch (error) {
      // The step goes on: what it does counts for more than what it says.
      onTrouble(asFleetError(error).sentence);
    }
  };

  return {
    write: (stream, text) => {
      const last = held.at(-1);
      if (last?.stream === stream) last.text += text;
      else held.push({ stream, text });
      heldLength += text.length;
      if (heldLength >= maxLogChunk || held.length >= maxHeld) flushLines();
      else timer ??= setTimeout(flushLines, gatherMs);
    },
    say: (text) => {
      held.push({ stream: "agent", text: `${text}\n` });
      flush();
    },
    flush,
  };
}

function loggedBefore(journal: Pick<Journal, "entries">, run: RunId): number {
  const entries = journal.entries({ kinds: ["run.log"], limit: maxEntries });
  const own = entries.flatMap(({ body }) => {
    const parsed = RunLogBody.safeParse(body);
    return parsed.success && parsed.data.run === run ? [parsed.data.text.length + entryCost] : [];
  });
  return own.reduce((sum, length) => sum + length, 0);
}

/** Cut behind a line's end where there is one. Pure. */
export function chunks(text: string): string[] {
  const parts: string[] = [];
  let rest = text;
  while (rest.length > maxLogChunk) {
    const end = rest.lastIndexOf("\n", maxLogChunk - 1) + 1;
    const at = end > 0 ? end : maxLogChunk;
    parts.push(rest.slice(0, at));
    rest = rest.slice(at);
  }
  return rest === "" ? parts : [...parts, rest];
}
