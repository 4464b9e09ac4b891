// One decision about one rollout, as the change that the store is asked for; pure.
import type { MemberRow, RolloutChange } from "#hub/store/rollout_port.ts";
import { canonicalJson } from "#shared/canonical.ts";
import { advance } from "./advance/advance.ts";
import type { Decision } from "./advance/model.ts";
import type { View } from "./look.ts";
import { freshMember, rolloutOf, type Track, trackOf } from "./track.ts";
import { eventOf } from "./words.ts";

interface Input {
  track: Track;
  view: View;
  /** Unix ms. */
  now: number;
  isFrozen: boolean;
}

export interface Decided extends Pick<Decision, "waitsFor" | "nextAt"> {
  /** Undefined when nothing changes. */
  change: RolloutChange | undefined;
}

export function decideChange(input: Input): Decided {
  const { track, view, now } = input;
  const { row, members } = track;
  const joined = joinedTo(input);
  const whole = rolloutOf(trackOf(row, [...members.values(), ...joined]));
  const decision = advance(whole, view.facts, now, input.isFrozen);
  const fresh = new Map(decision.marks.map((member) => [member.device, member]));
  const change: RolloutChange = {
    ...{ id: row.id, version: row.version, head: decision.head, now },
    isQuarantined: row.isQuarantined || decision.suspects !== null,
    suspects: decision.suspects ?? row.suspects,
    // Nobody is to be named for a halt that nobody ordered.
    ...(decision.suspects === null ? {} : { operator: null, reason: null }),
    marks: decision.marks.filter(({ device }) => members.has(device)),
    joined: joined.map((one) => ({ ...one, member: fresh.get(one.member.device) ?? one.member })),
    events: decision.tells.map((tell) => eventOf(tell, now, row)),
  };
  const { waitsFor, nextAt } = decision;
  return { waitsFor, nextAt, change: isNothing(track, change) ? undefined : change };
}

const over = new Set(["Superseded", "Undone", "Promoted"]);

/** Devices that came to the deployment since the rollout began and would change with it. */
function joinedTo({ track: { row, members }, view }: Input): MemberRow[] {
  if (over.has(row.head.state)) return [];
  const fresh = [...view.differing].filter((id) => !members.has(id));
  return fresh.map((id) => ({ member: freshMember(id), before: row.base }));
}

function isNothing({ row }: Track, { head, marks, joined }: RolloutChange): boolean {
  const isSame = canonicalJson(head) === canonicalJson(row.head);
  return isSame && marks.length === 0 && joined.length === 0;
}
