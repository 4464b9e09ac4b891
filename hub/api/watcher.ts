// One client of the watch stream: what it wants to see, and how far it has seen the events.
import type { HubEvent, Store } from "#hub/store/port.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import { matches, type Selector } from "#shared/selector.ts";
import type { SseClient, SseMessage } from "./sse.ts";

export interface WatchRequest {
  selector: Selector;
  device?: DeviceId;
  /** Sends the events after this one first, from the store. */
  afterEventId?: number;
}

export interface Watcher {
  readonly client: SseClient;
  /** Whether any label can keep something from this client. */
  readonly wantsLabels: boolean;
  /** @param labels of the device, when they are known */
  offerDevice(device: DeviceId, labels: Labels, message: SseMessage): void;
  offerEvent(event: HubEvent, labels: Labels | undefined): void;
  offer(message: SseMessage): void;
  /** Sends the missed events. New ones wait in the store meanwhile, so none is lost, doubled or out of
   *  order. */
  replay(): Promise<void>;
}

const eventsPerRead = 200;

export function createWatcher(options: {
  client: SseClient;
  request: WatchRequest;
  store: Pick<Store, "events" | "allDevices">;
}): Watcher {
  const { client, request, store } = options;
  const { selector, device: only } = request;
  /** The last event sent or passed over. */
  let seenId = request.afterEventId ?? 0;
  /** The newest event that came while the replay was under way; undefined once the client is live. */
  let heldBackId = request.afterEventId === undefined ? undefined : seenId;

  const concerns = (device: DeviceId | null, labels: Labels | undefined): boolean => {
    if (only !== undefined && device !== only) return false;
    return device === null || selector.length === 0 || matches(selector, labels ?? {});
  };
  const sendEvent = (event: HubEvent, labels: Labels | undefined): void => {
    seenId = event.id;
    if (concerns(event.device, labels)) client.send({ event: "event", data: event, id: event.id });
  };
  const sendStored = async (): Promise<number> => {
    const of = only === undefined ? {} : { device: only };
    const { rows } = await store.events({ afterId: seenId, limit: eventsPerRead, ...of });
    const labels = selector.length === 0 ? undefined : await labelsOf(store, rows);
    for (const event of rows) {
      await roomFor(client);
      sendEvent(event, event.device === null ? undefined : labels?.get(event.device));
    }
    return rows.length;
  };

  /** Ids of a store that was lost, or of a newer copy: what comes now has lower ones. */
  const forgetOtherIds = async (): Promise<void> => {
    if (seenId === 0) return;
    const { rows } = await store.events({ limit: 1 });
    const newestId = rows[0]?.id ?? 0;
    if (newestId >= seenId) return;
    seenId = newestId;
    client.send({ event: "resync", data: {} });
  };

  return {
    client,
    wantsLabels: selector.length > 0,
    offer: (message) => client.send(message),
    offerDevice: (device, labels, message) => {
      if (concerns(device, labels)) client.send(message);
    },
    offerEvent: (event, labels) => {
      if (heldBackId !== undefined) heldBackId = event.id;
      else if (event.id > seenId) sendEvent(event, labels);
    },
    replay: async () => {
      await forgetOtherIds();
      while (heldBackId !== undefined && !client.isClosed) {
        const found = await sendStored();
        const isComplete = found === 0 || (found < eventsPerRead && heldBackId <= seenId);
        if (isComplete) heldBackId = undefined;
      }
    },
  };
}

/** Labels of the devices that these events tell of, in one read. */
export async function labelsOf(
  store: Pick<Store, "allDevices">,
  events: readonly HubEvent[],
): Promise<Map<DeviceId, Labels>> {
  const ids = new Set(events.flatMap(({ device }) => device ?? []));
  const rows = ids.size === 0 ? [] : await store.allDevices([...ids]);
  return new Map(rows.map(({ id, labels }) => [id, labels]));
}

/** Waits for a client that reads slowly: a replay must not drop whom it serves. */
async function roomFor(client: SseClient): Promise<void> {
  const enoughBytes = 16 * 1024;
  while (!client.isClosed && client.roomBytes() < enoughBytes) await client.drained();
}
