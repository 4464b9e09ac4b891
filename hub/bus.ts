// What changed in the hub, told to whoever watches: the SSE stream, the page, the desired-state controller.
import type { DeviceId } from "#shared/ids.ts";
import type { HubEvent } from "./store/port.ts";

/** Hints to look again, never state itself: a listener that missed one loses nothing. */
export interface Changes {
  /** The device's row changed: status, connection, labels or desired state; or the phase of its life. */
  device: DeviceId;
  /** A device was enrolled or its labels changed, so its deployments may differ. */
  membership: DeviceId;
  event: HubEvent;
  /** A run of the device, or its phase, changed, or its journal tells of a run. */
  run: DeviceId;
  /** A branch was accepted or refused. */
  branch: string;
}

export interface Bus {
  emit<K extends keyof Changes>(kind: K, change: Changes[K]): void;
  /** @returns stops listening */
  on<K extends keyof Changes>(kind: K, listener: (change: Changes[K]) => void): () => void;
}

export function createBus(): Bus {
  const listeners = new Map<keyof Changes, Set<(change: never) => void>>();
  return {
    emit: (kind, change) => {
      for (const listener of listeners.get(kind) ?? []) {
        try {
          listener(change as never);
        } catch (error) {
          // A listener's fault is not the teller's: what was told is stored, and others want to hear it.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
    on: (kind, listener) => {
      const set = listeners.get(kind) ?? new Set();
      listeners.set(kind, set.add(listener));
      return () => set.delete(listener);
    },
  };
}
