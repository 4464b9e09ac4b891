// Devices that a release would change, but that somebody's word keeps where they are; pure.
import { modeNotice, type Notice, pinNotice } from "#hub/control/notices.ts";
import type { Pins } from "#hub/control/pins.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import type { Tracks } from "./track.ts";

export interface KeptDevice {
  device: DeviceId;
  /** At least one. */
  why: Notice[];
}

interface Circumstances {
  name: AppName;
  fleet: FleetSnapshot;
  candidate: FleetSnapshot;
  tracks: Pick<Tracks, "byDeployment">;
  pins: Pick<Pins, "on">;
}

/** @param row with the labels that the candidate gives it */
export function keptBy(row: DeviceRow, circumstances: Circumstances): Notice[] {
  const { name, pins } = circumstances;
  const pin = pins.on(name, row);
  return [
    ...modeNotice(row),
    ...(pin === undefined ? [] : [pinNotice(pin)]),
    ...leftOut(row.id, circumstances),
  ];
}

/** A new commit is a new rollout, in which nobody is left out yet. */
function leftOut(device: DeviceId, { name, fleet, candidate, tracks }: Circumstances): Notice[] {
  const track = candidate === fleet ? tracks.byDeployment.get(name) : undefined;
  const member = track?.members.get(device)?.member;
  if (track === undefined || member?.state !== "Held") return [];
  const { id } = track.row;
  const message = `rollout ${id} of ${name} leaves it out`;
  const endsWhen = "a new commit replaces the rollout";
  const none = { operator: null, at: null, until: null } as const;
  return [
    {
      ...none,
      kind: "halt",
      message,
      reason: member.reason,
      endsWhen,
      deployment: name,
      number: id,
    },
  ];
}
