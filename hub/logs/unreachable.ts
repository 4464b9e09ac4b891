// Why a device has no connection that a live stream could go over, in words for a person.
import type { DeviceRow } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";

/** Pure. */
export function unreachable(
  { id, connection, lastSeenAt }: Pick<DeviceRow, "id" | "connection" | "lastSeenAt">,
  now: number,
): FleetError {
  if (connection === "Online") {
    return new FleetError("device_unreachable", {
      message: `${id} reaches the hub over HTTP or only now and then; live logs need its MQTT connection`,
      hint: "Let the device's network pass MQTT, or read the log on the device's own page.",
      subject: id,
    });
  }
  const since =
    lastSeenAt === null
      ? "it was never seen"
      : `last seen ${new Date(lastSeenAt).toISOString()}, ${ageText(now - lastSeenAt)} ago`;
  return new FleetError("device_unreachable", {
    message: `${id} is ${connection}: ${since}`,
    hint: "Live logs come from the device itself; what it did is in its history and events.",
    subject: id,
  });
}

const units: [limitMs: number, unitMs: number, unit: string][] = [
  [90_000, 1000, "s"],
  [90 * 60_000, 60_000, "min"],
  [36 * 3_600_000, 3_600_000, "h"],
  [Infinity, 86_400_000, "d"],
];

function ageText(ms: number): string {
  const known = Math.max(0, ms);
  const [, unitMs, unit] = units.find(([limitMs]) => known < limitMs) ?? [0, 86_400_000, "d"];
  return `${Math.round(known / unitMs)} ${unit}`;
}
