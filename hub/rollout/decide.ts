// One decision about one rollout, as the change that the store is asked for; pure.
import type { Absence } from "#hub/run/absence.ts";
import type { MemberRow, RolloutChange, RolloutRow } from "#hub/store/rollout_port.ts";
import { canonicalJson } from "#shared/canonical.ts";
import type { DeviceId } from "#shared/ids.ts";
import { advance } from "./advance/advance.ts";
import { has } from "./advance/harm.ts";
import type { Decision, Fact, Member } from "./advance/model.ts";
import { cohortBaseOf, joining, returning } from "./base.ts";
import type { View } from "./look.ts";
import { rolloutOf, type Track, trackOf } from "./track.ts";
import { eventOf } from "./words.ts";

interface Input {
  track: Track;
  view: View;
  /** Unix ms. */
  now: number;
  isFrozen: boolean;
  /** Times that no deadline counts. */
  absences?: readonly Absence[];
}

export interface Decided extends Pick<Decision, "waitsFor" | "nextAt"> {
  /** Undefined when nothing changes. */
  change: RolloutChange | undefined;
}

export function decideChange(input: Input): Decided {
  const { track, view, now, isFrozen, absences = [] } = input;
  const { row, members } = track;
  const joined = joinedTo(track, view);
  const whole = rolloutOf(trackOf(row, [...members.values(), ...joined]));
  const decision = advance(whole, view.facts, now, { isFrozen, absences });
  const fresh = new Map(decision.marks.map((member) => [member.device, member]));
  const marks = decision.marks.filter(({ device }) => members.has(device));
  const change: RolloutChange = {
    ...{ id: row.id, version: row.version, head: decision.head, now },
    isQuarantined: row.isQuarantined || decision.suspects !== null,
    suspects: decision.suspects ?? row.suspects,
    // Nobody is to be named for a halt that nobody ordered.
    ...(decision.suspects === null ? {} : { operator: null, reason: null }),
    marks,
    returned: returning(track, marks),
    joined: joined.map((one) => ({ ...one, member: fresh.get(one.member.device) ?? one.member })),
    events: decision.tells.map((tell) => eventOf(tell, now, row)),
  };
  const { waitsFor, nextAt } = decision;
  return { waitsFor, nextAt, change: isNothing(track, change) ? undefined : change };
}

/** Devices that a person gives another try, and that would refuse it for what happened at the one before. */
export function refusingOf(marks: readonly Member[], view: View | undefined): DeviceId[] {
  const again = marks.filter(({ state }) => state === "Pending");
  return again.flatMap(({ device }) => {
    const fact = view?.facts.get(device);
    return fact?.answer === "refused" && !fact.isSafe ? [device] : [];
  });
}

/** Devices that came to the deployment since the rollout began and would change with it, or have another base than
 *  all. Once it is promoted or undone all but those of the cohorts that were left out have the same. */
export function joinedTo({ row, members }: Track, { facts, differing }: View): MemberRow[] {
  const isIn = (id: DeviceId): boolean =>
    differing.has(id) || cohortBaseOf(row.cohortBases, facts.get(id)) !== undefined;
  const candidates = row.cohortBases.length === 0 ? differing : facts.keys();
  const fresh = [...candidates].filter((id) => !members.has(id) && isIn(id));
  return fresh.flatMap((id) => {
    const fact = facts.get(id);
    return takesPart(row, fact) ? [joining(row, id, fact)] : [];
  });
}

function takesPart({ head, cohortBases }: RolloutRow, fact: Fact | undefined): boolean {
  switch (head.state) {
    case "Superseded":
      return false;
    case "Undone":
      return cohortBaseOf(cohortBases, fact) !== undefined;
    case "Promoted":
      return head.cohorts.some((one) => has(fact, one));
    default:
      // What it returns to depends on what it is.
      return cohortBases.length === 0 || fact?.isNew !== true;
  }
}

function isNothing({ row }: Track, { head, marks, joined }: RolloutChange): boolean {
  const isSame = canonicalJson(head) === canonicalJson(row.head);
  return isSame && marks.length === 0 && joined.length === 0;
}
