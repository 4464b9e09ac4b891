// Journals in temporary directories, and desired states to put into them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "#edge/journal/open.ts";
import type { Journal } from "#edge/journal/port.ts";
import type { Attempt } from "#edge/plan/attempt.ts";
import { sha256 } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";
import type { DesiredState } from "#shared/desired.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { AppName, DeviceId, RevisionId } from "#shared/ids.ts";

/** Stands still until it is told to move. */
export interface StillClock extends Clock {
  advance(ms: number): void;
}

export function stillClock(at = 1_800_000_000_000): StillClock {
  let passedMs = 0;
  return {
    now: () => at + passedMs,
    monotonicMs: () => 5000 + passedMs,
    sleep: () => Promise.resolve(),
    advance: (ms) => {
      passedMs += ms;
    },
  };
}

export interface Scratch {
  directory: string;
  file: string;
  clock: StillClock;
  open(limits?: { maxBytes: number }): Journal;
  remove(): void;
}

/** A place for one journal, gone with `remove`, together with every journal opened in it. */
export function scratch(): Scratch {
  const directory = mkdtempSync(join(tmpdir(), "fleet-journal-"));
  const file = join(directory, "journal.sqlite");
  const clock = stillClock();
  const opened: Journal[] = [];
  return {
    directory,
    file,
    clock,
    open: (limits) => {
      const journal = openJournal({
        file,
        clock,
        bootId: "boot-1",
        ...(limits === undefined ? {} : { limits }),
      });
      opened.push(journal);
      return journal;
    },
    remove: () => {
      for (const journal of opened) journal.close();
      // The shadow may be written still.
      rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
    },
  };
}

/** Runs the body with a scratch that is removed whatever happens. */
export async function withScratch(body: (scratch: Scratch) => void | Promise<void>): Promise<void> {
  const place = scratch();
  try {
    await body(place);
  } finally {
    place.remove();
  }
}

/** The hub has everything up to here; only what was handed out can be acknowledged.
 *  @param seq the last unless told */
export function acknowledge(journal: Journal, seq?: number): number {
  const batch = journal.batch({ maxEntries: 1_000_000, maxBytes: 2 ** 30 });
  const to = seq ?? batch?.to ?? 0;
  journal.acknowledge({ epoch: journal.epoch, seq: to });
  return to;
}

export const envelope: Envelope = {
  payloadType: "test",
  payload: "",
  signatures: [{ keyid: "k", sig: "" }],
};

export function desiredState(generation: number, mode: DesiredState["mode"] = "run"): DesiredState {
  return { device: "pi-1" as DeviceId, generation, issuedAt: 1, mode, apps: [] };
}

export function attempt(id: string, changes: Partial<Attempt> = {}): Attempt {
  return {
    id,
    app: "player" as AppName,
    to: sha256(id) as RevisionId,
    digest: sha256(`bundle ${id}`),
    commit: "a".repeat(40),
    stage: "fetch",
    startedAt: 1_800_000_000_000,
    startedMonotonicMs: 5000,
    stageMonotonicMs: 5000,
    bootId: "boot-1",
    tries: 0,
    ...changes,
  };
}
