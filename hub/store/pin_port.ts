// What the store keeps of pins and of the edits of one device.
import type { DeviceEdits, Pin } from "#hub/control/overrides.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { HubEvent, NewEvent } from "./port.ts";

export interface PinRow {
  pin: Pin;
  /** What its devices are rendered from; null while its commit cannot be read. */
  source: FleetSnapshot | null;
}

interface NewPin extends Omit<PinRow, "pin"> {
  pin: Omit<Pin, "id">;
}

/** Labels and values by name; null ends an edit. */
export type EditChange = {
  [K in keyof DeviceEdits]?: Record<string, DeviceEdits[K][string] | null>;
};

export interface PinStore {
  /** By id. */
  pins(): Promise<PinRow[]>;
  /** Replaces a pin of the same deployment, device and selector.
   *  @param eventOf what is told of the pin, stored with it */
  addPin(
    pin: NewPin,
    eventOf: (pin: Pin) => NewEvent,
  ): Promise<{ row: PinRow; events: HubEvent[] }>;
  setPinSource(id: number, source: FleetSnapshot): Promise<void>;
  /** @returns the events with their ids; null when the pin was not there: nothing is stored */
  removePin(id: number, event: NewEvent): Promise<HubEvent[] | null>;
  /** Lays the change over the edits that the device has.
   *  @returns the events with their ids; null when there is no such device */
  editDevice(
    device: DeviceId,
    change: EditChange,
    events: readonly NewEvent[],
  ): Promise<HubEvent[] | null>;
}
