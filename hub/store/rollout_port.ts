// What the store keeps of rollouts: their heads, their devices, and the accepted states of the fleet that they
// move between.
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type {
  Member,
  MemberState,
  RolloutHead,
  RolloutState,
  Suspect,
  Trait,
} from "#hub/rollout/advance/model.ts";
import type { AppName, DeviceId, Digest } from "#shared/ids.ts";
import type { HubEvent, NewEvent, Page } from "./port.ts";

export interface RolloutRow {
  id: number;
  deployment: AppName;
  /** Where the release comes from. */
  branch: string;
  commit: string;
  digest: Digest;
  /** Snapshots by name: what the devices are to have, and what was promoted last. */
  target: string;
  base: string;
  /** Cohorts that have another base, since they were left out of that one. */
  cohortBases: CohortBase[];
  /** Names what the deployment renders, whatever the commit. */
  signature: string;
  /** The same content is given to nobody of this deployment until somebody resumes or promotes it. */
  isQuarantined: boolean;
  head: RolloutHead;
  policy: RolloutPolicy;
  /** What the failed devices shared when it halted by itself. */
  suspects: Suspect[];
  /** The last order, by whom and why; null while nobody gave one, and once it has halted by itself. */
  operator: string | null;
  reason: string | null;
  /** Unix ms. */
  beganAt: number;
  changedAt: number;
  /** Rises with every change; a change that was decided on another version is refused. */
  version: number;
}

/** What the devices of a cohort return to: the last snapshot that was promoted with them. */
export interface CohortBase {
  cohort: Trait;
  base: string;
}

/** A device of a rollout, with the snapshots that it had before and that it returns to. */
export interface MemberRow {
  member: Member;
  /** What it keeps until its step comes. */
  before: string;
  /** Absent: the rollout's base. */
  base?: string;
}

export interface NewRollout
  extends Omit<RolloutRow, "id" | "version" | "changedAt" | "operator" | "reason" | "suspects"> {
  members: MemberRow[];
}

/** What changes when the accepted commits do. */
export interface FollowChange {
  snapshot: { id: string; fleet: FleetSnapshot };
  begun: NewRollout[];
  ended: Pick<RolloutRow, "id" | "version">[];
  events: NewEvent[];
  /** Unix ms. */
  now: number;
}

/** What one decision or order changes. */
export interface RolloutChange
  extends Pick<RolloutRow, "id" | "version" | "head" | "isQuarantined" | "suspects"> {
  /** Absent: as before. */
  operator?: string | null;
  reason?: string | null;
  marks: Member[];
  joined: MemberRow[];
  /** Devices whose step is to come again, with what they keep until then. */
  returned?: readonly ({ device: DeviceId } & Pick<MemberRow, "before">)[];
  /** Devices that forget what they refused: a person wants it tried again. */
  retried?: readonly DeviceId[];
  events: NewEvent[];
  now: number;
}

/** An emergency halt. */
export interface FleetHalt {
  operator: string;
  reason: string;
  at: number;
}

export interface RolloutQuery {
  deployment?: AppName;
  state?: RolloutState;
  limit: number;
  cursor?: string;
}

export interface MemberQuery {
  rollout: number;
  limit: number;
  cursor?: string;
}

export interface RolloutStore {
  /** The newest rollout of each deployment, with its devices in the order in which they are released. */
  latestRollouts(): Promise<{ row: RolloutRow; members: MemberRow[] }[]>;
  rollout(id: number): Promise<RolloutRow | null>;
  /** Newest first. */
  rollouts(query: RolloutQuery): Promise<Page<RolloutRow>>;
  rolloutMembers(id: number): Promise<MemberRow[]>;
  /** In the order in which they are released; none of a rollout that is not there. */
  rolloutDevices(query: MemberQuery): Promise<Page<Member>>;
  /** Of the newest rollout of each deployment, and of their devices; a state that nothing is in may be absent. */
  rolloutCounts(): Promise<{
    rollouts: Partial<Record<RolloutState, number>>;
    devices: Partial<Record<MemberState, number>>;
  }>;
  /** Whether the newest rollout with this content was quarantined. */
  isQuarantined(deployment: AppName, signature: string): Promise<boolean>;
  snapshot(id: string): Promise<FleetSnapshot | null>;
  /** The snapshot that was followed last; null before the first. */
  lastSnapshot(): Promise<string | null>;
  /** Stores the snapshot, begins and ends rollouts. Snapshots that nothing names any more go, and all but the
   *  newest rollouts of each deployment.
   *  @returns the events with their ids; null when a rollout has another version: nothing is stored */
  followFleet(change: FollowChange): Promise<HubEvent[] | null>;
  /** @returns the events with their ids; null when the rollout has another version: nothing is stored */
  changeRollout(change: RolloutChange): Promise<HubEvent[] | null>;
  fleetHalt(): Promise<FleetHalt | null>;
  /** @param halt null: lifted */
  setFleetHalt(halt: FleetHalt | null, event: NewEvent): Promise<HubEvent[]>;
}
