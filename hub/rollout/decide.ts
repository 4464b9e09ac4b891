// One decision about one rollout, as the change that the store is asked for; pure.
import { sourceOf } from "#hub/desired/compute/render.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { MemberRow, RolloutChange } from "#hub/store/rollout_port.ts";
import { canonicalJson } from "#shared/canonical.ts";
import { advance } from "./advance/advance.ts";
import type { Decision } from "./advance/model.ts";
import { joining } from "./begin.ts";
import type { View } from "./look.ts";
import { rolloutOf, type Track, type Tracks, trackOf } from "./track.ts";
import { eventOf } from "./words.ts";

interface Input {
  track: Track;
  view: View;
  newest: FleetSnapshot;
  snapshots: Tracks["snapshots"];
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
    marks: decision.marks.filter(({ device }) => members.has(device)),
    joined: joined.map((one) => ({ ...one, member: fresh.get(one.member.device) ?? one.member })),
    events: decision.tells.map((tell) => eventOf(tell, now, row)),
  };
  const { waitsFor, nextAt } = decision;
  return { waitsFor, nextAt, change: isNothing(track, change) ? undefined : change };
}

const over = new Set(["Superseded", "Undone", "Promoted"]);

function joinedTo({ track, view, newest, snapshots }: Input): MemberRow[] {
  const { row } = track;
  if (over.has(row.head.state)) return [];
  const base = snapshots.get(row.base);
  return joining(track, [...view.devices.values()], {
    base: base === undefined ? undefined : sourceOf(base, row.deployment),
    newest: sourceOf(newest, row.deployment),
  });
}

function isNothing({ row }: Track, { head, marks, joined }: RolloutChange): boolean {
  const isSame = canonicalJson(head) === canonicalJson(row.head);
  return isSame && marks.length === 0 && joined.length === 0;
}
