// Sends the journal to the hub, one batch at a time, until the hub itself has acknowledged it.
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { JournalAck, JournalBatch } from "#shared/journal.ts";
import { createPace } from "./pace.ts";
import type { SyncJournal } from "./port.ts";
import { createWake } from "./wake.ts";
import { within } from "./within.ts";

export interface OutboxLimits {
  /** Entries of a burst wait this long for one another. */
  coalesceMs: number;
  /** A batch without an answer is sent again after this, and then after twice as long. */
  ackTimeoutMs: number;
  maxEntries: number;
  maxBytes: number;
  /** A backlog begins with a batch of this size at most. */
  firstBytes: number;
  /** The first batch of a backlog waits a random part of this. */
  catchUpMs: number;
}

export const defaultOutboxLimits: OutboxLimits = {
  coalesceMs: 50,
  ackTimeoutMs: 10_000,
  maxEntries: 500,
  maxBytes: 256 * 1024,
  firstBytes: 32 * 1024,
  catchUpMs: 10_000,
};

/** How many times the limit of an answer a broker may take to take a batch over a slow link. */
const slowLinkTimes = 8;

/** Resolves when the broker has the batch or the connection has ended; what counts is the hub's answer. */
type Send = (batch: JournalBatch) => void | Promise<void>;

export interface Outbox {
  /** A new connection: what has gathered meanwhile waits its turn, so that a fleet which comes back at
   *  once does not bury the hub. */
  begin(): void;
  /** Works until the signal aborts. */
  run(send: Send, signal: AbortSignal): Promise<void>;
  /** The next batch, or the newest entry once more when nothing is left and `probe` is wanted: its
   *  answer tells whether the hub still has what it once acknowledged. */
  next(probe: boolean): JournalBatch | undefined;
  /** Sends the newest entry once more when there is nothing else, for the sake of the answer. */
  probe(): void;
  acknowledge(ack: JournalAck): void;
  /** What became of a batch that was sent another way than by `run`. */
  settled(tookMs: number | undefined): void;
  /** Whether the hub has everything. */
  isEmpty(): boolean;
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
  /** Uniform in [0, 1). */
  random: () => number;
  limits: OutboxLimits;
}): Outbox {
  const { journal, clock, random, limits } = options;
  const news = createWake();
  const pace = createPace(limits);
  let flight: Flight | undefined;
  let isProbeWanted = true;
  let heldUntilMs = 0;

  const nextBatch = (): JournalBatch | undefined =>
    journal.batch({ maxEntries: limits.maxEntries, maxBytes: pace.bytes() });
  const heldMs = (): number => heldUntilMs - clock.monotonicMs();
  const settled = (tookMs: number | undefined): void =>
    tookMs === undefined ? pace.unanswered() : pace.answered(tookMs);
  const begin = (): void => {
    pace.restart();
    const isBacklog = nextBatch()?.to !== journal.batch(limits)?.to;
    heldUntilMs = isBacklog ? clock.monotonicMs() + random() * limits.catchUpMs : 0;
  };
  const next = (probe: boolean): JournalBatch | undefined => {
    if (heldMs() > 0) return undefined;
    return nextBatch() ?? (probe ? newestOf(journal) : undefined);
  };

  /** A batch is not sent again while it is still on its way: a slow link would never be done. */
  const fly = async (batch: JournalBatch, tries: number, send: Send): Promise<boolean> => {
    const answered = new AbortController();
    flight = { batch, answered };
    const startedMs = clock.monotonicMs();
    await within(limits.ackTimeoutMs * slowLinkTimes, send(batch), answered.signal, clock);
    await clock.sleep(limits.ackTimeoutMs * 2 ** Math.min(tries, 1), answered.signal);
    flight = undefined;
    const isAnswered = answered.signal.aborted;
    settled(isAnswered ? clock.monotonicMs() - startedMs : undefined);
    return isAnswered;
  };

  const work = async (send: Send, signal: AbortSignal): Promise<void> => {
    let tries = 0;
    while (!signal.aborted) {
      while (heldMs() > 0 && !signal.aborted) await clock.sleep(Math.ceil(heldMs()), signal);
      const batch = signal.aborted ? undefined : next(isProbeWanted);
      if (batch === undefined) {
        await news.wait(signal);
        await clock.sleep(limits.coalesceMs, signal);
        continue;
      }
      const answered = await fly(batch, tries, send);
      isProbeWanted &&= !answered;
      const moved = answered && hasMoved(journal, batch);
      tries = moved ? 0 : tries + 1;
      if (answered && !moved) await clock.sleep(limits.ackTimeoutMs, signal);
    }
  };

  return {
    begin,
    next,
    settled,
    run: async (send, signal) => {
      const land = (): void => flight?.answered.abort();
      signal.addEventListener("abort", land);
      isProbeWanted = true;
      begin();
      await work(send, signal);
      signal.removeEventListener("abort", land);
    },
    probe: () => {
      isProbeWanted = true;
      news.set();
    },
    acknowledge: (ack) => {
      moveMark(journal, ack);
      if (flight !== undefined && answers(ack, flight.batch)) flight.answered.abort();
    },
    isEmpty: () =>
      flight === undefined && journal.batch({ maxEntries: 1, maxBytes: 1 }) === undefined,
    grew: news.set,
  };
}

/** A disk that takes no more leaves the mark where it was, so the same entries go out again. It is no reason to
 *  take the hub, which has just answered, for silent. */
function moveMark(journal: SyncJournal, ack: JournalAck): void {
  try {
    journal.acknowledge(ack);
  } catch (thrown) {
    if (asFleetError(thrown).code !== "journal_unusable") throw thrown;
  }
}

/** Whether the hub has the whole batch, or lacks what comes before it and wants that first. Anything
 *  between is the late answer to an earlier batch. */
export function answers(ack: JournalAck, batch: JournalBatch): boolean {
  if (ack.epoch !== batch.epoch) return false;
  return ack.seq >= batch.to || ack.seq < batch.from - 1;
}

/** False when the answer changed nothing. Sending on without a pause would never end. */
export function hasMoved(journal: SyncJournal, sent: JournalBatch): boolean {
  const next = journal.batch({ maxEntries: 1, maxBytes: 1 });
  return next?.from !== sent.from || next.epoch !== sent.epoch;
}

function newestOf(journal: SyncJournal): JournalBatch | undefined {
  const [entry] = journal.entries({ limit: 1 });
  if (entry === undefined) return undefined;
  return { epoch: journal.epoch, from: entry.seq, to: entry.seq, entries: [entry] };
}
