// What is told of pins, edits and forced looks, as events for others to read.
import type { EditChange } from "#hub/store/pin_port.ts";
import type { NewEvent } from "#hub/store/port.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { Pin } from "./overrides.ts";

/** Who ordered it, and why. */
export interface By {
  operator: string;
  reason: string;
}

interface Words {
  type?: NewEvent["type"];
  reason: string;
  message: string;
  device?: DeviceId | undefined;
  app?: string;
}

export function eventOf({ type = "Normal", device, app, ...words }: Words, at: number): NewEvent {
  return { at, device: device ?? null, app: app ?? null, source: "hub", type, ...words };
}

export function scopeInWords({ deployment, device, labelSelector }: Scope): string {
  if (device !== undefined) return `${deployment} on ${device}`;
  return labelSelector === undefined
    ? deployment
    : `${deployment} on devices with ${labelSelector}`;
}

type Scope = Pick<Pin, "deployment" | "device" | "labelSelector">;

export function pinnedEvent(pin: Pin): NewEvent {
  const end = pin.until === undefined ? "until it is removed" : `until ${timeText(pin.until)}`;
  const what = `${scopeInWords(pin)} to commit ${pin.commit.slice(0, 8)} (release ${pin.digest.slice(0, 12)})`;
  const message = `${pin.operator} pinned ${what} ${end}: ${pin.reason}`;
  return eventOf({ type: "Warning", reason: "Pinned", message, ...subjectOf(pin) }, pin.at);
}

export function unpinnedEvent(pin: Pin, { operator, reason }: By, at: number): NewEvent {
  const message = `${operator} removed the pin ${pin.id} of ${scopeInWords(pin)}: ${reason}`;
  return eventOf({ reason: "Unpinned", message, ...subjectOf(pin) }, at);
}

export function endedEvent(pin: Pin, at: number): NewEvent {
  const message = `the pin ${pin.id} of ${scopeInWords(pin)} has ended; its devices follow the deployment again`;
  return eventOf({ reason: "PinEnded", message, ...subjectOf(pin) }, at);
}

function subjectOf({ device, deployment }: Pin) {
  return { device, app: deployment };
}

/** The values themselves are no matter for events: they may be long, and somebody may write a secret there. */
export function editedEvent(
  device: DeviceId,
  { labels = {}, values = {} }: EditChange,
  { operator, reason }: By,
  at: number,
): NewEvent {
  const parts = [
    ...Object.entries(labels).map(([key, edit]) => labelInWords(key, edit)),
    ...Object.entries(values).map(([name, edit]) => `${edit === null ? "reset" : "set"} ${name}`),
  ];
  const message = `${operator} ${parts.join(", ")}: ${reason}`;
  return eventOf({ reason: "DeviceEdited", message, device }, at);
}

function labelInWords(key: string, edit: { value: string | null } | null): string {
  if (edit === null) return `gave the label ${key} back to the files`;
  return edit.value === null ? `took the label ${key} away` : `labelled it ${key}=${edit.value}`;
}

function timeText(at: number): string {
  return new Date(at).toISOString();
}
