// The journal port: what the device must remember over a power cut.
import type { Attempt, Outcome } from "#edge/plan/attempt.ts";
import type { KeptDamping } from "#edge/plan/damping.ts";
import type { RunState } from "#edge/plan/run.ts";
import type { SafeState, Start } from "#edge/plan/safe_mode.ts";
import type { DesiredState } from "#shared/desired.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { FleetError } from "#shared/errors.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { EntryKind, JournalAck, JournalBatch, JournalEntry } from "#shared/journal.ts";
import type { FailureReport } from "#shared/reported.ts";

export interface NewEntry {
  kind: EntryKind;
  app?: string;
  body: Record<string, unknown>;
}

export interface Quarantined {
  app: AppName;
  revision: RevisionId;
  failure: FailureReport;
}

/** One update as the history shows it, newest first. Times Unix ms. */
export interface UpdateRecord {
  attempt: string;
  app: AppName;
  revision: RevisionId;
  digest: string;
  commit: string;
  startedAt: number;
  finishedAt: number;
  outcome: Outcome;
  failure?: FailureReport;
  steps: { step: string; at: number; durationMs: number; ok: boolean; message?: string }[];
}

/** What the agent keeps from one start to the next, as JSON. One line each. */
export interface Remembered {
  safeMode: SafeState;
  starts: Start[];
  honouredRetry: number;
  damping: KeptDamping;
  run: RunState;
  /** By the copy's place: how many of its restarts were told. */
  restarts: Record<string, number>;
  /** An Engine has answered here. */
  hadDocker: true;
}

/** Every write is one transaction, on the disk when the call returns (`synchronous=FULL`).
 *  @throws FleetError journal_unusable */
export interface Journal {
  /** Random name of this database; a reflashed device starts a new one, and so does a journal that was
   *  rebuilt or found to be an old copy. Never keep it: it may change while the agent runs. */
  readonly epoch: string;
  /** Present when the disk cannot be written: why. Then everything here is gone with the process. */
  readonly volatile?: FleetError;
  /** The kernel's boot id. */
  readonly bootId: string;

  /** @returns the entry's seq */
  append(entry: NewEntry): number;
  /** The same for several, in one transaction. */
  appendAll(entries: readonly NewEntry[]): number[];
  /** Keeps a desired state whose signature was verified, and journals `desired.received`.
   *  `stale`: an older generation, left aside. `same`: already kept.
   *  @throws FleetError generation_conflict: the same generation with other content */
  receive(desired: DesiredState, envelope: Envelope): "accepted" | "stale" | "same";
  desired(): DesiredState | undefined;
  /** The same as the hub has signed it. */
  envelope(): Envelope | undefined;

  /** The next entries that the hub has not acknowledged, from the acknowledged mark on, or undefined. */
  batch(limits: { maxEntries: number; maxBytes: number }): JournalBatch | undefined;
  /** Moves the mark. Backwards too: then the hub has lost entries, and they are sent again.
   *  An acknowledgement of another epoch changes nothing. One of entries that this database has never given
   *  out shows that it is an old copy: a new epoch begins, under which goes what was not acknowledged. */
  acknowledge(ack: JournalAck): void;
  unacknowledged(): number;
  /** The hub has every entry up to this seq. */
  acknowledged(): number;

  openAttempts(): Attempt[];
  /** Inserts or replaces; journals `update.started` when it is new. */
  saveAttempt(attempt: Attempt): void;
  /** Closes the attempt, journals `update.finished` and, when told to, quarantines its revision: all in
   *  one transaction. */
  closeAttempt(attempt: Attempt, outcome: Outcome, options: { quarantine: boolean }): void;
  quarantined(): Quarantined[];
  /** Someone said that the revision may be tried again. */
  release(app: AppName, revision: RevisionId): void;
  updates(query: { app?: AppName; limit: number }): UpdateRecord[];

  /** Keeps the value in place of the one before; undefined forgets it. The same value is not written
   *  again. */
  remember<K extends keyof Remembered>(key: K, value: Remembered[K] | undefined): void;
  recall<K extends keyof Remembered>(key: K): Remembered[K] | undefined;
  /** Remembers the value and appends the entries that tell of it, all in one transaction.
   *  @returns the entries' seqs */
  record<K extends keyof Remembered>(
    key: K,
    value: Remembered[K] | undefined,
    entries: readonly NewEntry[],
  ): number[];

  /** Newest first. */
  entries(query: { kinds?: EntryKind[]; limit: number }): JournalEntry[];
  /** Keeps the database under its bound: health samples first, then history; nothing unacknowledged
   *  before the bound is reached, and then with an `entries.dropped` entry. Much goes in several calls. */
  prune(): void;
  /** Reads the whole database in a worker thread while it is in use; may take a minute.
   *  @returns what is wrong with it, once `onDamaged` was called; undefined when nothing was found */
  integrity(): Promise<string | undefined>;
  close(): void;
}
