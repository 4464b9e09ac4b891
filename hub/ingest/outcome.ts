// What is to be stored and told: changes by device and events, gathered until the store has them.
import type { DeviceChange, NewEvent } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";

/** While the store is away, older events give way; states are kept for every device. */
const maxEvents = 20_000;

export class Outcome {
  readonly changes = new Map<DeviceId, DeviceChange>();
  events: NewEvent[] = [];
  /** Devices whose change is more than another heartbeat. */
  readonly touched = new Set<DeviceId>();
  /** Devices whose desired state must be looked at again: they declare other labels, or have seen a
   *  higher generation than this hub has given out. */
  readonly unsettled = new Set<DeviceId>();
  eventsDropped = 0;

  change(change: DeviceChange): void {
    this.changes.set(change.id, { ...this.changes.get(change.id), ...change });
  }

  add(event: NewEvent): void {
    if (this.events.length >= maxEvents) {
      this.events.shift();
      this.eventsDropped += 1;
    }
    this.events.push(event);
  }

  /** This one, as if what is in the later one had happened to it. */
  followedBy(later: Outcome): Outcome {
    for (const change of later.changes.values()) this.change(change);
    for (const event of later.events) this.add(event);
    for (const id of later.touched) this.touched.add(id);
    for (const id of later.unsettled) this.unsettled.add(id);
    this.eventsDropped += later.eventsDropped;
    return this;
  }

  get isEmpty(): boolean {
    return this.changes.size === 0 && this.events.length === 0;
  }
}
