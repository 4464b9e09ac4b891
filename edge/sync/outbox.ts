// Sends the journal to the hub, one batch at a time, until the hub itself has acknowledged it.
import type { Clock } from "#shared/clock.ts";
import type { JournalAck, JournalBatch } from "#shared/journal.ts";
import type { SyncJournal } from "./port.ts";
import { createWake } from "./wake.ts";

export interface OutboxLimits {
  /** Entries of a burst wait this long for one another. */
  coalesceMs: number;
  /** A batch without an answer is sent again after this; the wait doubles up to eight times it. */
  ackTimeoutMs: number;
  maxEntries: number;
  maxBytes: number;
}

export const defaultOutboxLimits: OutboxLimits = {
  coalesceMs: 50,
  ackTimeoutMs: 10_000,
  maxEntries: 500,
  maxBytes: 256 * 1024,
};

export interface Outbox {
  /** Works until the signal aborts. `send` may fail in silence: what counts is the hub's answer. */
  run(send: (batch: JournalBatch) => void, signal: AbortSignal): Promise<void>;
  /** The next batch, or the newest entry once more when nothing is left and `probe` is wanted: its
   *  answer tells whether the hub still has what it once acknowledged. */
  next(probe: boolean): JournalBatch | undefined;
  acknowledge(ack: JournalAck): void;
  grew(): void;
}

interface Flight {
  batch: JournalBatch;
  answered: AbortController;
}

/** INVARIANT: at most one batch is in flight; it begins right above the mark; only the hub's
 *  acknowledgement moves the mark. So an entry leaves the outbox when the hub's store has it, whatever
 *  is lost, repeated or restarted on the way. */
export function createOutbox(options: {
  journal: SyncJournal;
  clock: Clock;
  limits: OutboxLimits;
}): Outbox {
  const { journal, clock, limits } = options;
  const news = createWake();
  let flight: Flight | undefined;

  const next = (probe: boolean): JournalBatch | undefined =>
    journal.batch(limits) ?? (probe ? newestOf(journal) : undefined);

  const fly = async (batch: JournalBatch, tries: number, send: (batch: JournalBatch) => void) => {
    const answered = new AbortController();
    flight = { batch, answered };
    send(batch);
    await clock.sleep(limits.ackTimeoutMs * 2 ** Math.min(tries, 3), answered.signal);
    flight = undefined;
    return answered.signal.aborted;
  };

  const work = async (send: (batch: JournalBatch) => void, signal: AbortSignal): Promise<void> => {
    let probe = true;
    let tries = 0;
    while (!signal.aborted) {
      const batch = next(probe);
      if (batch === undefined) {
        await news.wait(signal);
        await clock.sleep(limits.coalesceMs, signal);
        continue;
      }
      const answered = await fly(batch, tries, send);
      probe &&= !answered;
      const moved = answered && hasMoved(journal, batch);
      tries = moved ? 0 : tries + 1;
      if (answered && !moved) await clock.sleep(limits.ackTimeoutMs, signal);
    }
  };

  return {
    next,
    run: async (send, signal) => {
      const land = (): void => flight?.answered.abort();
      signal.addEventListener("abort", land);
      await work(send, signal);
      signal.removeEventListener("abort", land);
    },
    acknowledge: (ack) => {
      journal.acknowledge(ack);
      if (flight !== undefined && answers(ack, flight.batch)) flight.answered.abort();
    },
    grew: news.set,
  };
}

/** Whether the hub has the whole batch, or lacks what comes before it and wants that first. Anything
 *  between is the late answer to an earlier batch. */
export function answers(ack: JournalAck, batch: JournalBatch): boolean {
  if (ack.epoch !== batch.epoch) return false;
  return ack.seq >= batch.to || ack.seq < batch.from - 1;
}

/** False when the answer changed nothing: the hub claims more than this journal ever had, as it does
 *  when the device runs on an old copy of its card. Sending on without a pause would never end. */
export function hasMoved(journal: SyncJournal, sent: JournalBatch): boolean {
  return journal.batch({ maxEntries: 1, maxBytes: 1 })?.from !== sent.from;
}

function newestOf(journal: SyncJournal): JournalBatch | undefined {
  const [entry] = journal.entries({ limit: 1 });
  if (entry === undefined) return undefined;
  return { epoch: journal.epoch, from: entry.seq, to: entry.seq, entries: [entry] };
}
