// One device and its hub on real disks, with a network between them that obeys the test.
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { openJournal } from "#edge/journal/open.ts";
import type { Journal } from "#edge/journal/port.ts";
import { createOutbox } from "#edge/sync/outbox.ts";
import type { Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import type { Clock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalAck, JournalBatch, JournalEntry } from "#shared/journal.ts";

export const device = "pi-1" as DeviceId;

/** Small, so that a few entries make many batches. */
const limits = {
  coalesceMs: 50,
  ackTimeoutMs: 10_000,
  maxEntries: 4,
  maxBytes: 1500,
  firstBytes: 600,
  catchUpMs: 0,
};

/** Enough for every batch of the longest story, some times over. */
const maxTurns = 2000;

/** Sleepers wake when the test moves the time, or when their signal aborts. */
function handClock(): Clock & { advance(ms: number): void } {
  const sleepers = new Set<{ at: number; wake: () => void }>();
  let now = 0;
  return {
    now: () => 1_800_000_000_000 + now,
    monotonicMs: () => now,
    sleep: (delayMs, signal) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const sleeper = { at: now + delayMs, wake: resolve };
      if (signal?.aborted) resolve();
      else sleepers.add(sleeper);
      signal?.addEventListener("abort", () => resolve(), { once: true });
      return promise.finally(() => sleepers.delete(sleeper));
    },
    advance: (ms) => {
      now += ms;
      for (const { at, wake } of sleepers) if (at <= now) wake();
    },
  };
}

export interface World {
  /** Appends entries and tells the outbox. */
  append(count: number, size: number): void;
  /** The hub takes the n-th packet under way; its answer starts on the way back. */
  deliver(n: number, options: { again: boolean }): Promise<void>;
  drop(n: number): void;
  deliverAck(n: number, options: { again: boolean }): void;
  dropAck(n: number): void;
  passTime(ms: number): void;
  /** The connection ends and comes back; packets under way are lost, as in a clean session. */
  reconnect(): Promise<void>;
  /** The device's process ends without a word: nothing is closed or flushed. */
  killEdge(): Promise<void>;
  /** Keeps a copy of the device's card. */
  imageEdge(): void;
  /** The device's process ends, and begins again on the copy, if there is one. */
  restoreEdge(): Promise<void>;
  killHub(): Promise<void>;
  backUpHub(): Promise<void>;
  /** The hub's disk is replaced by the last backup, or by an empty one. */
  restoreHub(): Promise<void>;
  /** Delivers everything until nothing moves any more. */
  quiesce(): Promise<void>;
  onDevice(): JournalEntry[];
  onHub(): Promise<JournalEntry[]>;
  /** Of all epochs. */
  everOnHub(): Promise<JournalEntry[]>;
  unacknowledged(): number;
  /** Up to which seq the device believes the hub, and up to which the hub ever claimed to have it. */
  marks(): { believed: number; claimed: number };
  remove(): Promise<void>;
}

export async function createWorld(): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), "fleet-property-"));
  const files = {
    journal: join(directory, "journal.sqlite"),
    hub: join(directory, "hub.sqlite"),
    backup: join(directory, "backup.sqlite"),
    image: join(directory, "image.sqlite"),
  };
  const clock = handClock();
  const dead: Journal[] = [];
  const uplink: JournalBatch[] = [];
  const downlink: JournalAck[] = [];
  let appended = 0;
  let claimed = 0;
  let store = await openHub(files.hub);
  let journal = openJournal({ file: files.journal, clock });
  let outbox = createOutbox({ journal, clock, random: () => 0, limits });
  let session = connect();

  function connect(): { over: AbortController; work: Promise<void> } {
    const over = new AbortController();
    const work = outbox.run((batch) => void uplink.push(batch), over.signal);
    return { over, work };
  }
  const disconnect = async (): Promise<void> => {
    session.over.abort();
    await session.work;
    uplink.length = 0;
    downlink.length = 0;
  };
  const closeStore = async (): Promise<void> => {
    await disconnect();
    await store.close();
  };
  const openStoreAgain = async (): Promise<void> => {
    store = await openHub(files.hub);
    session = connect();
  };
  const world: World = {
    append: (count, size) => {
      for (let i = 0; i < count; i++) {
        appended += 1;
        journal.append({ kind: "event", body: { number: appended, padding: "x".repeat(size) } });
      }
      outbox.grew();
    },
    deliver: async (n, { again }) => {
      const batch = pick(uplink, n, again);
      if (batch === undefined) return;
      const ack = await ingest(store, batch);
      claimed = Math.max(claimed, ack.seq);
      downlink.push(ack);
    },
    drop: (n) => void pick(uplink, n, false),
    deliverAck: (n, { again }) => {
      const ack = pick(downlink, n, again);
      if (ack !== undefined) outbox.acknowledge(ack);
    },
    dropAck: (n) => void pick(downlink, n, false),
    passTime: (ms) => clock.advance(ms),
    reconnect: async () => {
      await disconnect();
      session = connect();
    },
    killEdge: async () => {
      await disconnect();
      dead.push(journal);
      journal = openJournal({ file: files.journal, clock });
      outbox = createOutbox({ journal, clock, random: () => 0, limits });
      session = connect();
    },
    imageEdge: () => {
      for (const part of ["", "-wal"]) copyFileSync(files.journal + part, files.image + part);
    },
    restoreEdge: async () => {
      if (!existsSync(files.image)) return;
      await disconnect();
      journal.close();
      for (const part of ["-shm", "-wal", ""]) rmSync(files.journal + part, { force: true });
      for (const part of ["", "-wal"]) copyFileSync(files.image + part, files.journal + part);
      journal = openJournal({ file: files.journal, clock });
      outbox = createOutbox({ journal, clock, random: () => 0, limits });
      session = connect();
    },
    killHub: async () => {
      await closeStore();
      await openStoreAgain();
    },
    backUpHub: async () => {
      await closeStore();
      copyFileSync(files.hub, files.backup);
      await openStoreAgain();
    },
    restoreHub: async () => {
      await closeStore();
      if (existsSync(files.backup)) copyFileSync(files.backup, files.hub);
      else rmSync(files.hub);
      await openStoreAgain();
    },
    quiesce: async () => {
      await world.reconnect();
      for (let idle = 0, turns = 0; idle < 3; idle += 1, turns += 1) {
        if (turns > maxTurns) throw new Error("device and hub do not come to rest");
        await turn();
        if (uplink.length > 0 || downlink.length > 0) idle = 0;
        while (uplink.length > 0) await world.deliver(0, { again: false });
        while (downlink.length > 0) world.deliverAck(0, { again: false });
        clock.advance(100_000);
      }
    },
    onDevice: () => journal.entries({ limit: 100_000 }).toReversed(),
    onHub: () => readHub(store, journal.epoch),
    everOnHub: () => readHub(store),
    unacknowledged: () => journal.unacknowledged(),
    marks: () => ({ believed: appended - journal.unacknowledged(), claimed }),
    remove: async () => {
      await closeStore();
      for (const one of [...dead, journal]) one.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
  return world;
}

async function openHub(file: string): Promise<Store> {
  const store = await openStore({ file });
  await store.enrol(device, "0".repeat(64), {}, 1);
  return store;
}

async function ingest(store: Store, batch: JournalBatch): Promise<JournalAck> {
  const [stored] = await store.appendJournal([{ device, batch }], 1);
  if (stored === undefined) throw new TypeError("the store answered nothing to a batch");
  return { epoch: stored.epoch, seq: stored.seq };
}

async function readHub(store: Store, epoch?: string): Promise<JournalEntry[]> {
  const rows: JournalEntry[] = [];
  let from: { cursor?: string } | undefined = {};
  while (from !== undefined) {
    const page = await store.journal({ device, limit: 500, ...from });
    for (const { epoch: found, ...entry } of page.rows) {
      if (epoch === undefined || found === epoch) rows.push(entry);
    }
    from = page.next === null ? undefined : { cursor: page.next };
  }
  return rows.toReversed();
}

/** The n-th of a queue, counted round; it stays when it is to come again. */
function pick<T>(queue: T[], n: number, again: boolean): T | undefined {
  if (queue.length === 0) return undefined;
  const index = n % queue.length;
  return again ? queue[index] : queue.splice(index, 1)[0];
}
