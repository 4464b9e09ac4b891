// What the store gives for the devices' memos, and takes from them when it has lost what they tell.
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { HubEvent, NewEvent } from "./port.ts";

/** Rows as they stand in the tables, by table. */
export type Rows = Record<string, Record<string, unknown>[]>;

/** An accepted state of the fleet by the commits that it is made of; what they say is in Git. */
export interface SnapshotRef {
  id: string;
  /** The order in which the states were followed. */
  place: number;
  defaultBranch: string;
  /** Commit by branch. */
  branches: Record<string, string>;
}

/** What all memos have in common. */
export interface FleetSlice {
  rows: Rows;
  snapshots: SnapshotRef[];
  /** Devices whose identity was ended, with the time at which that identity had been given: no statement of that
   *  time or before lets anyone in again. */
  revoked: { device: DeviceId; identityAt: number }[];
}

/** What a memo says. */
export interface MemoContent {
  /** The newest migration of the database that it was read from. */
  schema: number;
  own: Rows;
  /** Only some devices carry it. */
  fleet?: FleetSlice & { version: number };
}

export interface MemoRow {
  device: DeviceId;
  version: number;
  /** Names the content, so that the same one is not sealed again. */
  hash: string;
  envelope: Envelope;
}

/** Whom a hub knew, in its own words. */
export interface Identity {
  device: DeviceId;
  secretHash: string;
  labels: Labels;
  /** Unix ms: the first enrolment, and the one that gave this secret. */
  enrolledAt: number;
  issuedAt: number;
}

/** Nothing new is asked of any device. */
export interface Pause {
  /** `blank`: the store had to begin anew. `restored`: it is an old copy. */
  cause: "blank" | "restored";
  /** One sentence, for people. */
  reason: string;
  at: number;
}

export interface MemoStore {
  /** What the memos of all devices are to say now. */
  memoSlices(): Promise<{ schema: number; fleet: FleetSlice; own: Map<DeviceId, Rows> }>;
  /** The newest that were sealed, or came back. */
  memos(): Promise<MemoRow[]>;
  saveMemos(rows: MemoRow[]): Promise<void>;
  /** Puts the rows of a device in the place of what the store has of it.
   *  Rows that belong to something that the store does not know (yet) are left out. */
  mergeOwn(device: DeviceId, own: Rows): Promise<void>;
  /** The same for what belongs to the whole fleet.
   *  @returns devices whose identity has ended */
  mergeFleet(fleet: FleetSlice): Promise<DeviceId[]>;
  /** A state of the fleet as Git has it, under the name and at the place that it had. */
  keepSnapshot(ref: Pick<SnapshotRef, "id" | "place">, fleet: FleetSnapshot): Promise<void>;

  identity(device: DeviceId): Promise<Identity | null>;
  /** Makes the device known with this identity.
   *  @returns `same`: it was; `newer`: its secret was replaced later, and nothing has changed */
  takeBack(identity: Identity): Promise<"added" | "same" | "replaced" | "newer">;

  pause(): Promise<Pause | null>;
  /** When it begins, enrolment tokens that nobody has redeemed end.
   *  @param pause null: ended at the event's time */
  setPause(pause: Pause | null, event: NewEvent): Promise<HubEvent[]>;
  /** Unix ms of the last end of a pause; 0 before the first. */
  resumedAt(): Promise<number>;
}
