// The watch stream: tells every client what changed, reading each changed row once for all of them.
import type { Bus } from "#hub/bus.ts";
import type { Notices } from "#hub/control/notices.ts";
import type { HubEvent, Store } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import { deviceSummary } from "./device_view.ts";
import type { ApiLogger } from "./env.ts";
import { createSseClient } from "./sse.ts";
import { createWatcher, labelsOf, type Watcher, type WatchRequest } from "./watcher.ts";

export interface Watch {
  /** @returns undefined when the hub already serves as many as it will */
  open(request: WatchRequest): ReadableStream<Uint8Array> | undefined;
  clients(): number;
  /** Ends every stream. */
  stop(): void;
}

interface Options {
  store: Pick<Store, "allDevices" | "branches" | "events">;
  bus: Bus;
  logger: ApiLogger;
  /** What is said of a device beside its row. */
  notices: Pick<Notices, "on">;
  /** Changes within this time become one message per device. */
  coalesceMs?: number;
  heartbeatMs?: number;
  maxBehindBytes?: number;
  maxClients?: number;
}

/** Above this, clients are told to read their list again: one message instead of thousands. */
const maxDevicesPerTurn = 500;

interface Pending {
  devices: Set<DeviceId>;
  branches: Set<string>;
  events: HubEvent[];
}

/** Listens to the bus only while someone watches. */
export function createWatch(options: Options): Watch {
  const { store, bus, logger, coalesceMs = 200, heartbeatMs = 15_000 } = options;
  const { maxBehindBytes = 1024 * 1024, maxClients = 256 } = options;
  const watchers = new Set<Watcher>();
  const ends: (() => void)[] = [];
  let pending = nothing();
  let timer: NodeJS.Timeout | undefined;
  let isTelling = false;

  /** One turn at a time, so that events keep their order. */
  const deliver = async (): Promise<void> => {
    timer = undefined;
    isTelling = true;
    const changed = pending;
    pending = nothing();
    await tell(watchers, options, changed).catch((error: unknown) => {
      logger.warn({ err: error }, "changes were not told to watchers");
    });
    isTelling = false;
    if (hasMore(pending)) schedule();
  };
  const schedule = (): void => {
    if (!isTelling) timer ??= setTimeout(() => void deliver(), coalesceMs);
  };
  const listen = (): void => {
    const beat = setInterval(() => {
      for (const { client } of watchers) client.comment("still here");
    }, heartbeatMs);
    const note = (act: () => void): void => {
      act();
      schedule();
    };
    ends.push(
      () => clearInterval(beat),
      bus.on("device", (device) => note(() => pending.devices.add(device))),
      bus.on("membership", (device) => note(() => pending.devices.add(device))),
      bus.on("branch", (branch) => note(() => pending.branches.add(branch))),
      bus.on("event", (event) => note(() => pending.events.push(event))),
    );
  };
  const rest = (): void => {
    for (const end of ends.splice(0)) end();
    clearTimeout(timer);
    timer = undefined;
    pending = nothing();
  };
  const leave = (watcher: Watcher): void => {
    watchers.delete(watcher);
    if (watchers.size === 0) rest();
  };

  return {
    open: (request) => {
      if (watchers.size >= maxClients) return undefined;
      const client = createSseClient({ maxBehindBytes, onClose: () => leave(watcher) });
      const watcher = createWatcher({ client, request, store });
      if (watchers.size === 0) listen();
      watchers.add(watcher);
      client.send({ event: "ready", data: {} });
      watcher.replay().catch((error: unknown) => {
        logger.warn({ err: error }, "missed events could not be read");
        client.close();
      });
      return client.stream;
    },
    clients: () => watchers.size,
    stop: () => {
      for (const { client } of watchers) client.close();
    },
  };
}

function nothing(): Pending {
  return { devices: new Set(), branches: new Set(), events: [] };
}

function hasMore({ devices, branches, events }: Pending): boolean {
  return devices.size + branches.size + events.length > 0;
}

async function tell(
  watchers: ReadonlySet<Watcher>,
  parts: Pick<Options, "store" | "notices">,
  changed: Pending,
): Promise<void> {
  const { store } = parts;
  await tellEvents(watchers, store, changed.events);
  await tellBranches(watchers, store, changed.branches);
  if (changed.devices.size > maxDevicesPerTurn) tellAll(watchers, "resync");
  else await tellDevices(watchers, parts, changed.devices);
}

async function tellEvents(
  watchers: ReadonlySet<Watcher>,
  store: Options["store"],
  events: readonly HubEvent[],
): Promise<void> {
  const wantsLabels = [...watchers].some((watcher) => watcher.wantsLabels);
  const labels = wantsLabels ? await labelsOf(store, events) : undefined;
  for (const event of events) {
    const own = event.device === null ? undefined : labels?.get(event.device);
    for (const watcher of watchers) watcher.offerEvent(event, own);
  }
}

async function tellBranches(
  watchers: ReadonlySet<Watcher>,
  store: Options["store"],
  names: ReadonlySet<string>,
): Promise<void> {
  if (names.size === 0) return;
  for (const data of await store.branches()) {
    if (!names.has(data.branch)) continue;
    for (const watcher of watchers) watcher.offer({ event: "branch", data });
  }
}

async function tellDevices(
  watchers: ReadonlySet<Watcher>,
  { store, notices }: Pick<Options, "store" | "notices">,
  devices: ReadonlySet<DeviceId>,
): Promise<void> {
  if (devices.size === 0) return;
  for (const row of await store.allDevices([...devices])) {
    const message = { event: "device", data: deviceSummary(row, notices.on(row)) };
    for (const watcher of watchers) watcher.offerDevice(row.id, row.labels, message);
  }
}

function tellAll(watchers: ReadonlySet<Watcher>, event: "resync"): void {
  for (const watcher of watchers) watcher.offer({ event, data: {} });
}
