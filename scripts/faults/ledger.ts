// Compares a device's own journal with the hub's store: every entry must be there, once and the same.
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { openJournal } from "#edge/journal/open.ts";
import { systemClock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalEntry } from "#shared/journal.ts";
import type { Hub } from "./hub.ts";
import type { Program } from "./program.ts";
import { pause } from "./until.ts";

export interface Ledger {
  /** The words for a desired state that the device accepted after a newer one. */
  fallen(): string | undefined;
  /** How often the device has said that it dropped entries, as far as was looked. */
  drops(): number;
  /** Waits for the hub to catch up with what the device's journal holds now.
   *  @returns entries that the hub still lacks, or has otherwise */
  lost(limitMs: number): Promise<JournalEntry[]>;
  /** Compares everything the next time, not only what is new. */
  forget(): void;
}

interface LedgerOptions {
  device: DeviceId;
  directory: string;
  hub: Hub;
  agent: Program;
}

const files = ["journal.db", "journal.db-wal"];
const all = 1_000_000;
const pauseMs = 250;

export function createLedger(options: LedgerOptions): Ledger {
  const { device, hub } = options;
  /** Compared and found the same, by epoch. */
  const compared = new Map<string, number>();
  const order = createOrder();
  let drops = 0;
  return {
    fallen: order.fallen,
    drops: () => drops,
    forget: () => compared.clear(),
    lost: async (limitMs) => {
      const { epoch, entries } = await readJournal(options, compared);
      order.note(epoch, entries);
      drops += entries.filter(({ kind }) => kind === "entries.dropped").length;
      const deadline = performance.now() + limitMs;
      for (;;) {
        const missing = await missingAtHub(hub, device, epoch, entries).catch(() => entries);
        const newest = entries.at(-1)?.seq;
        if (missing.length === 0 && newest !== undefined) compared.set(epoch, newest);
        if (missing.length === 0 || performance.now() > deadline) return missing;
        await pause(pauseMs);
      }
    },
  };
}

/** Within one epoch each accepted desired state is newer than the one before. */
function createOrder() {
  const highest = new Map<string, { seq: number; generation: number }>();
  let fallen: string | undefined;
  return {
    fallen: () => fallen,
    note: (epoch: string, entries: readonly JournalEntry[]): void => {
      for (const { seq, kind, body } of entries) {
        const before = highest.get(epoch) ?? { seq: 0, generation: 0 };
        if (kind !== "desired.received" || seq <= before.seq) continue;
        const generation = Number(body["generation"]);
        if (generation <= before.generation) {
          fallen ??= `the device took generation ${generation} after ${before.generation}`;
        }
        highest.set(epoch, { seq, generation });
      }
    },
  };
}

/** What is new in the journal since the last look, oldest first, out of a copy: another connection would
 *  get in the agent's way. The agent stands still meanwhile, so that both files are of one instant. */
async function readJournal(
  { directory, agent }: LedgerOptions,
  compared: ReadonlyMap<string, number>,
): Promise<{ epoch: string; entries: JournalEntry[] }> {
  const copy = await mkdtemp(join(tmpdir(), "fleet-ledger-"));
  try {
    agent.pause();
    await copyFiles(directory, copy).finally(agent.resume);
    const journal = openJournal({ file: join(copy, "journal.db"), clock: systemClock });
    try {
      const newest = journal.entries({ limit: 1 })[0]?.seq ?? 0;
      const limit = Math.min(all, newest - (compared.get(journal.epoch) ?? 0));
      return { epoch: journal.epoch, entries: journal.entries({ limit }).reverse() };
    } finally {
      journal.close();
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function copyFiles(from: string, to: string): Promise<void> {
  for (const name of files) {
    await copyFile(join(from, name), join(to, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }
}

async function missingAtHub(
  hub: Hub,
  device: DeviceId,
  epoch: string,
  entries: readonly JournalEntry[],
): Promise<JournalEntry[]> {
  const wanted = new Map(entries.map((entry) => [entry.seq, entry]));
  let cursor: string | undefined;
  do {
    const page = await hub.journal(device, cursor);
    for (const { epoch: from, ...stored } of page.items) {
      const own = wanted.get(stored.seq);
      if (from === epoch && own !== undefined && same(own, stored)) wanted.delete(stored.seq);
    }
    cursor = page.next ?? undefined;
  } while (cursor !== undefined && wanted.size > 0);
  return [...wanted.values()];
}

/** As both travel, so that `undefined` and a missing field are one. */
function same(one: JournalEntry, other: JournalEntry): boolean {
  return isDeepStrictEqual(JSON.parse(JSON.stringify(one)), JSON.parse(JSON.stringify(other)));
}
