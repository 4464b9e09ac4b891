// The pins as the hub holds them in memory, and what they mean for each device, above what rollouts say.
import type { OlderOf } from "#hub/desired/compute/compute.ts";
import type { PinRow } from "#hub/store/pin_port.ts";
import type { AppName, DeviceId, Digest, Labels } from "#shared/ids.ts";
import { parseSelector } from "#shared/selector.ts";
import { type Place, pinOn, type ReadPin } from "./compute/pin.ts";
import type { Pin } from "./overrides.ts";

export interface Pins {
  /** Replaces all. */
  set(rows: readonly PinRow[]): void;
  rows(): readonly PinRow[];
  /** The pin that holds, whether or not the deployment selects the device. */
  on(deployment: AppName, device: Place): Pin | undefined;
  olderOf(device: DeviceId, labels: Labels): OlderOf;
  /** Releases that a pinned device may fetch at any time. */
  inUse(): Digest[];
}

interface Held extends ReadPin, PinRow {}

export function createPins(): Pins {
  let held: readonly Held[] = [];
  const heldOn = (deployment: AppName, device: Place): Held | undefined =>
    held.length === 0 ? undefined : pinOn(held, deployment, device);
  return {
    set: (rows) => {
      held = rows.map((row) => ({ ...row, selector: parseSelector(row.pin.labelSelector ?? "") }));
    },
    rows: () => held.map(({ pin, source }) => ({ pin, source })),
    on: (deployment, device) => heldOn(deployment, device)?.pin,
    olderOf: (id, labels) => (deployment) => {
      const found = heldOn(deployment, { id, labels });
      return found === undefined ? undefined : (found.source ?? "keep");
    },
    inUse: () => held.map(({ pin }) => pin.digest),
  };
}

/** A person's pin goes before what rollouts say; without one they decide. */
export function abovePlacements(
  pins: Pick<Pins, "olderOf">,
  rollouts: { olderOf(device: DeviceId): OlderOf },
): { olderOf(device: DeviceId, labels: Labels): OlderOf } {
  return {
    olderOf: (device, labels) => (deployment) =>
      pins.olderOf(device, labels)(deployment) ?? rollouts.olderOf(device)(deployment),
  };
}
