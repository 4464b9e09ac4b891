// Which devices try the commits of a bisect: those on which the release failed, as far as they can; pure.
import { factOf } from "#hub/rollout/advance/fact.ts";
import type { Member } from "#hub/rollout/advance/model.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName, DeviceId, RevisionId } from "#shared/ids.ts";

/** More of them make a verdict surer, and each failure is felt at one more place. */
const usualCanaries = 3;

interface Input {
  deployment: AppName;
  /** Devices of the rollout, in the order of release. */
  members: readonly Member[];
  rows: readonly DeviceRow[];
  /** Devices on which the release failed as it rolled out. */
  failed: ReadonlySet<DeviceId>;
  /** The release on each device. */
  readonly targetOf: (device: DeviceId) => RevisionId | undefined;
  /** What a person pinned has none of the commits that are tried. */
  readonly isPinned: (device: DeviceId) => boolean;
  /** As a person named them; undefined: choose. */
  wanted: readonly DeviceId[] | undefined;
}

interface Chosen {
  canaries: DeviceId[];
  /** Whether the release failed on any of them: then it need not be tried again. */
  isProven: boolean;
}

/** @throws FleetError request_invalid, state_conflict */
export function chooseCanaries(input: Input): Chosen {
  const isFailed = failedOn(input);
  const canaries = input.wanted === undefined ? usual(input, isFailed) : named(input, input.wanted);
  return { canaries, isProven: canaries.some(isFailed) };
}

function failedOn({ rows, failed, targetOf, deployment }: Input): (device: DeviceId) => boolean {
  const refused = rows.filter(
    (row) => factOf(row, deployment, targetOf(row.id)).answer === "refused",
  );
  const all = new Set([...failed, ...refused.map(({ id }) => id)]);
  return (device) => all.has(device);
}

function named({ members, isPinned }: Input, wanted: readonly DeviceId[]): DeviceId[] {
  const known = new Set(members.filter(isThere).map(({ device }) => device));
  const strangers = wanted.filter((device) => !known.has(device));
  const pinned = wanted.filter(isPinned);
  if (strangers.length > 0) {
    throw new FleetError("request_invalid", {
      message: `the rollout has nothing to change on ${strangers.join(", ")}`,
      hint: "Name devices of the rollout, or none to let the hub choose.",
    });
  }
  if (pinned.length === 0) return [...new Set(wanted)];
  throw new FleetError("state_conflict", {
    message: `${pinned.join(", ")} cannot try commits while pinned`,
    hint: "Remove the pin, or name other devices.",
  });
}

function isThere({ state }: Member): boolean {
  return state !== "Left";
}

/** Those that failed; where all of them are away, others that had the release, in the order of release. */
function usual(input: Input, isFailed: (device: DeviceId) => boolean): DeviceId[] {
  const able = ableDevices(input);
  const there = input.members.filter((one) => isThere(one) && able.has(one.device));
  const groups = [
    there.filter(({ device }) => isFailed(device)),
    there.filter(({ step }) => step !== null),
    there,
  ];
  const best = groups.find((group) => group.length > 0) ?? [];
  if (best.length > 0) return best.slice(0, usualCanaries).map(({ device }) => device);
  throw new FleetError("state_conflict", {
    message:
      "no device of the rollout is online, healthy and free of pins, so none can try commits",
    hint: "Wait for one, or name devices.",
  });
}

/** A device that is ill already would call every commit bad. */
function ableDevices({ rows, deployment, isPinned }: Input): Set<DeviceId> {
  const able = rows.filter((row) => {
    const { isServing, isHeld } = factOf(row, deployment, undefined);
    return isServing && !isHeld && !isPinned(row.id);
  });
  return new Set(able.map(({ id }) => id));
}
