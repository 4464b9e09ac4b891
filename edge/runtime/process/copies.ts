// All supervised copies of one runtime directory, taken up from what an earlier agent left.
import { mkdir, realpath, rm } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { type Copy, type CopyContext, createCopy } from "./copy.ts";
import { type CopyLogs, createCopyLogs } from "./logs.ts";
import { ownerOf } from "./marker.ts";
import type { RestartLimits } from "./policy.ts";
import { listMarked, type MarkedProcess, readBootId } from "./proc.ts";
import { type CopyRecord, createRecordStore, type Place } from "./record.ts";
import { endAsides, endStrays } from "./strays.ts";

export interface CopiesOptions {
  /** Absolute. */
  directory: string;
  device: string;
  clock: Clock;
  random: () => number;
  limits: RestartLimits;
  /** Of all log files of one copy together. */
  maxLogBytes: number;
  onChange: () => void;
  warn: (message: string) => void;
}

export interface Copies {
  readonly owner: string;
  list(): Copy[];
  find(instance: Named): Copy | undefined;
  /** Waits for a removal at that place to be over. A copy that is handed over gets a place beside one of
   *  another configuration. */
  findOrAdd(fresh: CopyRecord): Promise<Copy>;
  remove(instance: Named): Promise<void>;
  /** Logs of a copy, also after its removal. */
  logsOf(place: Place): CopyLogs;
  forgetApp(app: string): Promise<void>;
  release(): void;
  killAll(graceMs: number): Promise<void>;
}

/** A copy as it is observed: two at one place differ in their configuration. */
export type Named = Pick<CopyRecord, "app" | "service" | "index" | "configHash">;

const tickMs = 1000;
const forkedWithinMs = 500;
/** A second look for strays, should the machine have been too busy for the first. */
const sweepAfterMs = 10_000;

/** @throws FleetError runtime_unavailable */
export async function openCopies(options: CopiesOptions): Promise<Copies> {
  try {
    return await open(options);
  } catch (cause) {
    throw new FleetError("runtime_unavailable", {
      message: `Processes cannot be supervised in ${options.directory}: ${asFleetError(cause).message}`,
      hint: "The process runtime needs Linux and a writable data directory.",
      cause,
    });
  }
}

async function open(options: CopiesOptions): Promise<Copies> {
  const { directory, maxLogBytes, warn } = options;
  // Others may pass through, so that a process of another user reaches its files and volumes.
  await mkdir(directory, { recursive: true, mode: 0o711 });
  const owner = ownerOf(await realpath(directory));
  const onUnreadable = (file: string) => warn(`${file} is no state of a process; ignored.`);
  const store = createRecordStore({ directory, onUnreadable });
  const context: CopyContext = { ...options, store, owner, bootId: readBootId() };
  const logsOf = (place: Place) =>
    createCopyLogs({ directory: store.directory(place), maxBytes: maxLogBytes });
  const create = (record: CopyRecord) => createCopy(context, record, logsOf(record));
  const known = await takeUp(context, create);
  return { ...supervise(context, known, create), logsOf };
}

/** The copies on disk with their living processes; every other process of ours is ended. */
async function takeUp(
  context: CopyContext,
  create: (record: CopyRecord) => Copy,
): Promise<Map<string, Copy>> {
  const known = new Map<string, Copy>();
  const records = await context.store.list();
  const marked = await findMarked(context.owner, records);
  endAsides(marked);
  await endLost(context, marked, records);
  for (const record of records) {
    const copy = create(record);
    known.set(keyOf(record), copy);
    if (record.phase !== "removing") await copy.adopt(marked);
  }
  return known;
}

/** A child that was forked but had not executed its program when the agent died bears no mark for some
 *  milliseconds; so a run that was only intended is looked for a little longer. */
async function findMarked(owner: string, records: readonly CopyRecord[]): Promise<MarkedProcess[]> {
  const intents = records.filter(({ phase, run }) => phase !== "exited" && run === undefined);
  const deadline = performance.now() + forkedWithinMs;
  for (;;) {
    const marked = listOwned(owner);
    const found = new Set(marked.map(({ marker }) => marker.nonce));
    if (intents.every(({ nonce }) => found.has(nonce))) return marked;
    if (performance.now() > deadline) return marked;
    await wait(50);
  }
}

function listOwned(owner: string): MarkedProcess[] {
  return listMarked().filter(({ marker }) => marker.nonce.startsWith(`${owner}.`));
}

async function endLost(
  context: CopyContext,
  marked: readonly MarkedProcess[],
  records: readonly CopyRecord[],
): Promise<void> {
  const known = new Set(records.map(({ nonce }) => nonce));
  await endStrays(marked, known).catch((error) => context.warn(asFleetError(error).sentence));
}

function supervise(
  context: CopyContext,
  known: Map<string, Copy>,
  create: (record: CopyRecord) => Copy,
): Omit<Copies, "logsOf"> {
  const { owner, store, warn } = context;
  const removals = new Map<string, Promise<void>>();
  const list = () => [...known.values()];
  const complain = (error: unknown) => warn(asFleetError(error).sentence);

  function find(wanted: Named): Copy | undefined {
    const { app, service, index, configHash } = wanted;
    const places: Place[] = [
      { app, service, index },
      { app, service, index, beside: true },
    ];
    const there = places.flatMap((place) => known.get(keyOf(place)) ?? []);
    return there.find(({ record }) => record.configHash === configHash);
  }

  function remove(named: Named): Promise<void> {
    const copy = find(named);
    if (copy === undefined) return Promise.resolve();
    const key = keyOf(copy.record);
    const removal = removals.get(key) ?? removeKnown(key, copy);
    removals.set(key, removal);
    return removal;
  }

  async function removeKnown(key: string, copy: Copy): Promise<void> {
    try {
      await copy.remove();
      known.delete(key);
      await dropFiles(copy, list());
    } finally {
      removals.delete(key);
    }
  }

  async function tick(): Promise<void> {
    await Promise.all(list().map((copy) => copy.tick().catch(complain)));
  }

  function sweep(): void {
    const records = list().map((copy) => copy.record);
    void endLost(context, listOwned(owner), records);
  }

  const timer = setInterval(() => void tick(), tickMs).unref();
  const sweepTimer = setTimeout(sweep, sweepAfterMs).unref();
  for (const { record } of list()) {
    if (record.phase === "removing") void remove(record).catch(complain);
  }
  return {
    owner,
    list,
    find,
    async findOrAdd(fresh) {
      const at = placeFor(fresh, find(fresh), known);
      const there = known.get(keyOf(at));
      if (there?.record.phase === "removing") await remove(there.record);
      const copy = known.get(keyOf(at)) ?? create(at);
      known.set(keyOf(at), copy);
      return copy;
    },
    remove,
    forgetApp: (app) => store.removeApp(app),
    release() {
      clearInterval(timer);
      clearTimeout(sweepTimer);
      for (const copy of list()) copy.release();
    },
    async killAll(graceMs) {
      clearInterval(timer);
      clearTimeout(sweepTimer);
      await Promise.all(list().map((copy) => copy.kill(graceMs)));
      known.clear();
    },
  };
}

/** The record at its place: where it is already, or beside a copy that it takes over from. */
function placeFor(
  fresh: CopyRecord,
  same: Copy | undefined,
  known: ReadonlyMap<string, Copy>,
): CopyRecord {
  const { beside: _, ...first } = fresh;
  const second: CopyRecord = { ...first, beside: true };
  if (same !== undefined) return same.record.beside === true ? second : first;
  if (fresh.launch.own === undefined || !known.has(keyOf(first))) return first;
  return known.has(keyOf(second)) ? first : second;
}

/** The laid files of a copy that is gone, unless another copy reads the same ones. */
async function dropFiles(gone: Copy, others: readonly Copy[]): Promise<void> {
  const files = filesOf(gone);
  if (files === undefined || others.some((copy) => filesOf(copy) === files)) return;
  await rm(files, { recursive: true, force: true });
}

function filesOf(copy: Copy): string | undefined {
  return copy.record.launch.environment["METRICA_FLEET_FILES"];
}

function keyOf({ app, service, index, beside }: Place): string {
  return `${app}/${service}.${index}${beside === true ? "b" : ""}`;
}
