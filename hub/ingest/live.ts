// The hub's live picture of every device, kept in memory so that a heartbeat costs no read.
import type { DeviceStatus, Store } from "#hub/store/port.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import type { SyncFacts } from "./derive.ts";
import type { Said } from "./overtaken.ts";

export interface LiveDevice extends SyncFacts {
  id: DeviceId;
  connection: Connection;
  sync: SyncStatus;
  health: HealthStatus;
  /** From the first Degraded until the next Healthy: an episode, however it goes to and fro. */
  degraded: boolean;
  heartbeatMs: number;
  bootId: string | null;
  /** The newest report, and the newest word on the generation, that were heard since the hub's start. */
  newestReport?: Said;
  newestObserved?: Said;
  agentLabels: Labels;
  /** Unix ms. */
  lastSeenAt: number;
  /** Monotonic ms at which `lastSeenAt` was last given to the store. */
  seenSavedMs: number;
}

export interface LiveDevices {
  get(id: DeviceId): LiveDevice | undefined;
  all(): Iterable<LiveDevice>;
  /** Reads all devices, at start. */
  loadAll(): Promise<void>;
  /** Reads those that are not known yet, and again what was desired of those marked. */
  load(ids: Iterable<DeviceId>): Promise<void>;
  /** Someone else changed the device's row. */
  mark(id: DeviceId): void;
  hasMarked(): boolean;
}

export function createLiveDevices(
  store: Pick<Store, "deviceStatuses">,
  changed: (device: LiveDevice) => void,
): LiveDevices {
  const devices = new Map<DeviceId, LiveDevice>();
  const marked = new Set<DeviceId>();

  const take = (status: DeviceStatus): void => {
    const known = devices.get(status.id);
    if (known === undefined) {
      devices.set(status.id, liveDevice(status));
    } else {
      known.desiredGeneration = status.desiredGeneration;
      known.desiredHash = status.desiredHash;
      known.agentLabels = status.agentLabels;
      changed(known);
    }
  };
  return {
    get: (id) => devices.get(id),
    all: () => devices.values(),
    loadAll: async () => {
      for (const status of await store.deviceStatuses()) take(status);
    },
    load: async (ids) => {
      const wanted = new Set(marked);
      for (const id of ids) if (!devices.has(id)) wanted.add(id);
      if (wanted.size === 0) return;
      const statuses = await store.deviceStatuses([...wanted]);
      for (const id of wanted) marked.delete(id);
      for (const status of statuses) take(status);
    },
    mark: (id) => {
      marked.add(id);
    },
    hasMarked: () => marked.size > 0,
  };
}

function liveDevice(status: DeviceStatus): LiveDevice {
  const { observedGeneration, sync } = status;
  return {
    id: status.id,
    connection: status.connection,
    sync,
    health: status.health,
    degraded: status.health === "Degraded",
    heartbeatMs: status.heartbeatMs,
    bootId: status.bootId,
    agentLabels: status.agentLabels,
    lastSeenAt: status.lastSeenAt ?? 0,
    seenSavedMs: 0,
    desiredGeneration: status.desiredGeneration,
    desiredHash: status.desiredHash,
    observedGeneration,
    observedHash: status.observedHash,
    // The stored word stands for the last report until the device sends another.
    report: sync === "Unknown" ? null : { generation: observedGeneration, sync },
  };
}
