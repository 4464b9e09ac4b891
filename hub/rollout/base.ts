// What devices return to when a release is taken from them: the last one that was promoted with them; pure.
import type { CohortBase, MemberRow, RolloutRow } from "#hub/store/rollout_port.ts";
import type { DeviceId } from "#shared/ids.ts";
import { has } from "./advance/harm.ts";
import type { Fact, Member, MemberState, Trait } from "./advance/model.ts";
import { baseOf, freshMember, type Track } from "./track.ts";

/** The bases of the rollout that begins next. */
export interface Bases extends Pick<RolloutRow, "base" | "cohortBases"> {
  of(device: DeviceId): string;
}

/** To these devices a promoted rollout has not shown that its release is good. */
const withoutIt: ReadonlySet<MemberState> = new Set(["Failed", "Reverted", "Held"]);

/** Only a promotion makes a release good, and only for the devices that took part. Pure.
 *  @param track absent before the first rollout; one that is Superseded has given all devices the newest
 *  @param last what was followed until now */
export function basesAfter(track: Track | undefined, last: string): Bases {
  const state = track?.row.head.state;
  if (track === undefined || state === "Superseded") {
    return { base: last, cohortBases: [], of: () => last };
  }
  const { base, cohortBases, head } = track.row;
  const own = (device: DeviceId): string => baseOf(track, device);
  if (state !== "Promoted") return { base, cohortBases, of: own };
  const isLeftOut = (device: DeviceId): boolean => {
    const known = track.members.get(device)?.member.state;
    return known !== undefined && withoutIt.has(known);
  };
  return {
    base: last,
    cohortBases: head.cohorts.map((cohort) => ({ cohort, base: baseOfCohort(track.row, cohort) })),
    of: (device) => (isLeftOut(device) ? own(device) : last),
  };
}

function baseOfCohort({ base, cohortBases }: RolloutRow, { key, value }: Trait): string {
  const known = cohortBases.find(({ cohort }) => cohort.key === key && cohort.value === value);
  return known?.base ?? base;
}

/** A device that comes to the deployment while the rollout is there. Pure. */
export function joining(
  { base, cohortBases }: Pick<RolloutRow, "base" | "cohortBases">,
  device: DeviceId,
  fact: Fact | undefined,
): MemberRow {
  const own = cohortBaseOf(cohortBases, fact)?.base;
  const member = freshMember(device);
  return own === undefined ? { member, before: base } : { member, before: own, base: own };
}

export function cohortBaseOf(
  all: readonly CohortBase[],
  fact: Fact | undefined,
): CohortBase | undefined {
  return all.find(({ cohort }) => has(fact, cohort));
}

const away: ReadonlySet<MemberState> = new Set(["Left", "Reverted"]);

/** Devices that wait for their step anew: what they had before it is long gone from them. Pure. */
export function returning(
  track: Track,
  marks: readonly Member[],
): { device: DeviceId; before: string }[] {
  return marks.flatMap(({ device, step }) => {
    const known = track.members.get(device);
    const isAnew = step === null && known !== undefined && away.has(known.member.state);
    const before = baseOf(track, device);
    return isAnew && known.before !== before ? [{ device, before }] : [];
  });
}
