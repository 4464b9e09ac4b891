// Keeps each device's memo as it should be: sealed anew when what it tells has changed, and sent beside the desired state.
import { createPublicKey } from "node:crypto";
import { setImmediate as breathe } from "node:timers/promises";
import type { Bus } from "#hub/bus.ts";
import type { SigningKey } from "#hub/desired/keys.ts";
import type { FleetSlice, MemoContent, MemoRow, SnapshotRef } from "#hub/store/memo_port.ts";
import type { Store } from "#hub/store/port.ts";
import { byCodeUnit, canonicalHash, sha256 } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { DeviceId } from "#shared/ids.ts";
import { openMemo } from "#shared/memo.ts";
import { serially } from "#shared/serial.ts";
import { contentOf, sealMemo } from "./seal.ts";

interface Options {
  store: Pick<Store, "memoSlices" | "memos" | "saveMemos">;
  key: SigningKey;
  bus: Bus;
  clock: Clock;
  /** While it is true no memo is made: what devices carry is better than what the hub knows. */
  isPaused: () => boolean;
  /** Sends the device its desired state with the memo beside it. */
  readonly publish: (device: DeviceId) => void;
  readonly onFailed: (error: unknown) => void;
  limits?: MemoLimits;
}

interface MemoLimits {
  /** Changes gather for this long, and for twenty times as long as the last look took. */
  coalesceMs: number;
  /** After its start the hub listens first: it may be an old copy, whose memos would replace better ones. */
  firstAfterMs: number;
  /** So many devices carry what belongs to the whole fleet. */
  carriers: number;
}

export interface SealedMemo {
  version: number;
  envelope: Envelope;
}

export interface Memos {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Undefined before the first. */
  of(device: DeviceId): SealedMemo | undefined;
  /** The newest word on the whole fleet that any of them has; 0 for none. */
  fleetVersion(): number;
  /** The states of the fleet that the newest such word names. */
  snapshots(): readonly SnapshotRef[];
  /** A device brought this one back, which is newer than the hub's. */
  took(row: MemoRow, content: MemoContent): Promise<void>;
  /** Looks at all devices now; does nothing while the fleet is paused. */
  refresh(): Promise<void>;
}

const defaultLimits: MemoLimits = { coalesceMs: 2000, firstAfterMs: 15_000, carriers: 32 };
const restShare = 20;
const batchSize = 100;

export function createMemos(options: Options): Memos {
  const { store, key, bus, clock, isPaused } = options;
  const limits = options.limits ?? defaultLimits;
  const known = new Map<DeviceId, MemoRow>();
  const trusted = new Map([[key.id, createPublicKey(key.publicPem)]]);
  /** Contents that were too large. */
  const unfit = new Map<DeviceId, string>();
  const stopping = new AbortController();
  let fleet = { hash: "", version: 0 };
  let snapshots: readonly SnapshotRef[] = [];
  let working: Promise<void> = Promise.resolve();
  let due: Promise<void> | undefined;
  let tookMs = 0;
  let listening: (() => void)[] = [];

  const read = ({ device, envelope }: MemoRow): MemoContent | undefined => {
    const memo = openMemo(envelope, device, trusted);
    return memo && contentOf(memo, Number.POSITIVE_INFINITY);
  };
  const learn = (content: MemoContent | undefined): void => {
    const version = content?.fleet?.version ?? 0;
    // The hash is not known: what the store has may have been merged from more than this.
    if (version <= fleet.version) return;
    fleet = { hash: "", version };
    snapshots = content?.fleet?.snapshots ?? [];
  };
  const contents = async (): Promise<Map<DeviceId, MemoContent>> => {
    const { schema, fleet: slice, own } = await store.memoSlices();
    fleet = follow(fleet, slice, clock.now());
    const carriers = carriersOf([...own.keys()], limits.carriers);
    return new Map(
      [...own].map(([device, rows]) => {
        const shared = carriers.has(device) ? { fleet: { ...slice, version: fleet.version } } : {};
        return [device, { schema, own: rows, ...shared }];
      }),
    );
  };
  const sealed = (device: DeviceId, content: MemoContent): MemoRow | undefined => {
    const { fleet: slice, ...own } = content;
    const hash = canonicalHash([own, slice === undefined ? null : fleet.hash]);
    const before = known.get(device);
    if (before?.hash === hash) return undefined;
    const version = Math.max(clock.now(), (before?.version ?? 0) + 1);
    try {
      const envelope = sealMemo(device, version, content, key);
      unfit.delete(device);
      return { device, version, hash, envelope };
    } catch (error) {
      // The others get theirs; it is told once for each content.
      if (unfit.get(device) !== hash) options.onFailed(error);
      unfit.set(device, hash);
      return undefined;
    }
  };
  const look = async (): Promise<void> => {
    if (isPaused()) return;
    const beganMs = clock.monotonicMs();
    const all = [...(await contents())];
    for (let at = 0; at < all.length && !stopping.signal.aborted; at += batchSize) {
      const rows = all
        .slice(at, at + batchSize)
        .flatMap(([device, content]) => sealed(device, content) ?? []);
      if (isPaused()) return;
      // Stored first: what a device carries must never be newer than what the hub knows of.
      if (rows.length > 0) await store.saveMemos(rows);
      for (const row of rows) known.set(row.device, row);
      for (const { device } of rows) options.publish(device);
      await breathe();
    }
    tookMs = clock.monotonicMs() - beganMs;
  };
  const refresh = serially(look);
  const soon = (): void => {
    due ??= (async () => {
      await clock.sleep(Math.max(limits.coalesceMs, tookMs * restShare), stopping.signal);
      due = undefined;
      if (!stopping.signal.aborted) await refresh().catch(options.onFailed);
    })();
  };

  return {
    start: async () => {
      for (const row of await store.memos()) {
        known.set(row.device, row);
        learn(read(row));
      }
      working = (async () => {
        await clock.sleep(limits.firstAfterMs, stopping.signal);
        if (stopping.signal.aborted) return;
        listening = [bus.on("device", soon), bus.on("membership", soon), bus.on("event", soon)];
        soon();
      })();
    },
    stop: async () => {
      for (const stop of listening) stop();
      stopping.abort();
      await working;
      await due;
    },
    of: (device) => known.get(device),
    fleetVersion: () => fleet.version,
    snapshots: () => snapshots,
    took: async (row, content) => {
      await store.saveMemos([row]);
      known.set(row.device, row);
      learn(content);
    },
    refresh,
  };
}

/** The version rises with the content, so that of two memos it is known whose word on the fleet is newer. */
function follow(before: { hash: string; version: number }, slice: FleetSlice, now: number) {
  const hash = canonicalHash(slice);
  return hash === before.hash ? before : { hash, version: Math.max(now, before.version + 1) };
}

/** The same devices each time, spread over the fleet. */
function carriersOf(devices: readonly DeviceId[], count: number): Set<DeviceId> {
  const ranked = devices.map((device) => ({ device, rank: sha256(device) }));
  const sorted = ranked.toSorted((a, b) => byCodeUnit(a.rank, b.rank));
  return new Set(sorted.slice(0, count).map(({ device }) => device));
}
