// The store port: everything that the hub keeps, behind one interface for SQLite now and PostgreSQL later.
import type { DeviceEdits } from "#hub/control/overrides.ts";
import type { HostHealth } from "#shared/beat.ts";
import type { DesiredContent, DesiredMode } from "#shared/desired.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { DeviceId, Digest, Labels } from "#shared/ids.ts";
import type { EventBody, JournalBatch, JournalEntry } from "#shared/journal.ts";
import type { ReportedState } from "#shared/reported.ts";
import type { Selector } from "#shared/selector.ts";
import type { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import type { AttendanceStore } from "./attendance_port.ts";
import type { BisectStore } from "./bisect_port.ts";
import type { HoldingStore } from "./holding_port.ts";
import type { MemoStore } from "./memo_port.ts";
import type { PinStore } from "./pin_port.ts";
import type { PruneStore } from "./prune_port.ts";
import type { RolloutStore } from "./rollout_port.ts";
import type { RunStore } from "./runs_port.ts";
import type { TelemetryStore } from "./telemetry_port.ts";

/** A device as lists and pages need it: one row, no joins. All times Unix ms by the hub's clock. */
export interface DeviceRow {
  id: DeviceId;
  /** Effective: agent.yaml's labels with the repository's devices/<id>.yaml on top. */
  labels: Labels;
  /** As the device declared them at enrolment or in its last report. */
  agentLabels: Labels;
  enrolledAt: number;
  connection: Connection;
  lastSeenAt: number | null;
  heartbeatMs: number;
  bootId: string | null;
  /** 0 before the first. */
  desiredGeneration: number;
  desiredHash: string | null;
  observedGeneration: number;
  observedHash: string | null;
  sync: SyncStatus;
  health: HealthStatus;
  reported: ReportedState | null;
  hostHealth: HostHealth | null;
  /** As an operator ordered it, with the reason; null while nobody did. */
  mode: DesiredMode;
  modeReason: string | null;
  modeOperator: string | null;
  modeAt: number | null;
  /** How often an operator asked the device to try again. */
  retry: number;
  /** What operators have laid over the device's files. */
  edits: DeviceEdits;
  /** As an inventory file gave them, below all others; read where one device or all are asked for. */
  inventoryLabels?: Labels;
}

/** A device's row without what is large, for whoever keeps all of them in memory. */
export type DeviceStatus = Omit<
  DeviceRow,
  | "labels"
  | "enrolledAt"
  | "reported"
  | "hostHealth"
  | "mode"
  | "modeReason"
  | "modeOperator"
  | "modeAt"
  | "retry"
  | "edits"
  | "inventoryLabels"
>;

export interface DesiredRow {
  device: DeviceId;
  generation: number;
  specHash: string;
  content: DesiredContent;
  envelope: Envelope;
  issuedAt: number;
}

/** What one report or heartbeat changes. Absent fields stay as they are. */
export interface DeviceChange {
  id: DeviceId;
  lastSeenAt?: number;
  connection?: Connection;
  bootId?: string;
  heartbeatMs?: number;
  observedGeneration?: number;
  observedHash?: string;
  sync?: SyncStatus;
  health?: HealthStatus;
  reported?: ReportedState;
  hostHealth?: HostHealth;
  agentLabels?: Labels;
  labels?: Labels;
  mode?: DesiredMode;
  /** Empty: none. */
  modeReason?: string;
  modeOperator?: string;
  modeAt?: number;
  retry?: number;
}

export interface HubEvent {
  /** From 1, rising; also the cursor and the SSE id. */
  id: number;
  at: number;
  /** Absent for an event of the hub itself. */
  device: DeviceId | null;
  app: string | null;
  source: "hub" | "device";
  type: EventBody["type"];
  reason: string;
  message: string;
}
export type NewEvent = Omit<HubEvent, "id">;

export interface DeviceBatch {
  device: DeviceId;
  batch: JournalBatch;
}

export interface AppendedJournal {
  device: DeviceId;
  epoch: string;
  seq: number;
  added: JournalEntry[];
  events: HubEvent[];
}

export interface ReleaseRow {
  digest: Digest;
  role: string;
  size: number;
  createdAt: number;
  /** The commits that this content came from, newest first. */
  commits: {
    commit: string;
    branch: string;
    author: string;
    subject: string;
    committedAt: number;
  }[];
}

/** The last known state of one branch of the fleet repository. */
export interface BranchRow {
  branch: string;
  /** Head as fetched. */
  head: string;
  /** The newest commit that was accepted as a whole; null before the first. */
  accepted: string | null;
  /** Why head is not accepted, one sentence; null when it is. */
  refusal: string | null;
  checkedAt: number;
}

export interface Page<T> {
  rows: T[];
  /** Opaque; null on the last page. */
  next: string | null;
}

export interface DeviceQuery {
  selector: Selector;
  connection?: Connection;
  sync?: SyncStatus;
  health?: HealthStatus;
  sort: "id" | "lastSeen";
  order: "asc" | "desc";
  limit: number;
  cursor?: string;
}

export interface EventQuery {
  device?: DeviceId;
  reason?: string;
  type?: EventBody["type"];
  /** Only events with a greater id, oldest first; without it newest first. */
  afterId?: number;
  limit: number;
  cursor?: string;
}

/** Counts for the fleet's totals and for metrics, from indexed columns. */
export interface FleetCounts {
  devices: number;
  connection: Record<Connection, number>;
  sync: Record<SyncStatus, number>;
  health: Record<HealthStatus, number>;
}

export interface SiteCounts extends FleetCounts {
  site: string;
}

export interface StoreStats {
  rowsRead: number;
  rowsWritten: number;
  statements: number;
}

/** Every method is one transaction: all of it is stored, or nothing is and it throws
 *  FleetError store_unavailable. */
export interface Store
  extends RolloutStore,
    PinStore,
    BisectStore,
    MemoStore,
    RunStore,
    AttendanceStore,
    TelemetryStore,
    HoldingStore,
    PruneStore {
  /** Adds or replaces a device's credentials and returns its row. A new device's effective labels are
   *  the agent's; a known one keeps its own until `changeDevices` sets them.
   *  @param secretHash sha256 in hex of the device's secret */
  enrol(device: DeviceId, secretHash: string, agentLabels: Labels, now: number): Promise<DeviceRow>;
  secretHash(device: DeviceId): Promise<string | null>;
  device(id: DeviceId): Promise<DeviceRow | null>;
  devices(query: DeviceQuery): Promise<Page<DeviceRow>>;
  /** The named devices, or every one, by id. */
  allDevices(ids?: DeviceId[]): Promise<DeviceRow[]>;
  /** The named devices, or all. */
  deviceStatuses(ids?: DeviceId[]): Promise<DeviceStatus[]>;
  /** Many changes, and the events that tell of them, in one transaction; unknown devices are left out.
   *  @returns the events with their ids */
  changeDevices(changes: DeviceChange[], events?: NewEvent[]): Promise<HubEvent[]>;
  /** Of the whole fleet, or of the devices that the selector matches. */
  counts(selector?: Selector): Promise<FleetCounts>;
  siteCounts(): Promise<SiteCounts[]>;

  addToken(token: {
    hash: string;
    expiresAt: number;
    /** Only this device may redeem it. */
    device: DeviceId | null;
    createdAt: number;
  }): Promise<void>;
  /** Marks the token used by this device and nonce. A token for any device is refused to one that is
   *  enrolled already: its identity may be replaced only by a token of its own. True also when the same pair redeems it again
   *  before it expires. */
  redeemToken(hash: string, device: DeviceId, nonce: string, now: number): Promise<boolean>;

  /** Stores the row unless the device already has this or a higher generation, or is unknown. */
  saveDesired(row: DesiredRow): Promise<void>;
  /** The same for many devices in one transaction. */
  saveManyDesired(rows: DesiredRow[]): Promise<void>;
  desired(device: DeviceId): Promise<DesiredRow | null>;
  allDesired(): Promise<DesiredRow[]>;

  /** Appends batches in order; rows already there are left as they are.
   *  A batch that would leave a gap below it is not stored.
   *  @param eventOf the event that a new entry gives, stored in the same transaction: once per entry,
   *  whenever the hub is killed
   *  @returns for each device and epoch the highest seq up to which everything is stored, and the
   *  entries that were new with their events. A seq above all that came tells that nothing of it was stored, since
   *  other entries stand under the same numbers: the sender is a copy, and is to take another epoch */
  appendJournal(
    batches: DeviceBatch[],
    now: number,
    eventOf?: (device: DeviceId, entry: JournalEntry) => NewEvent | null,
  ): Promise<AppendedJournal[]>;
  /** Newest first, by arrival. */
  journal(query: {
    device: DeviceId;
    kinds?: JournalEntry["kind"][];
    app?: string;
    limit: number;
    cursor?: string;
  }): Promise<Page<JournalEntry & { epoch: string }>>;

  /** @returns the events with their ids */
  addEvents(events: NewEvent[]): Promise<HubEvent[]>;
  events(query: EventQuery): Promise<Page<HubEvent>>;

  /** Adds the release, or the commits that a known one lacks. */
  saveRelease(release: ReleaseRow): Promise<void>;
  release(digest: Digest): Promise<ReleaseRow | null>;
  releases(query: { role?: string; limit: number; cursor?: string }): Promise<Page<ReleaseRow>>;

  saveBranch(row: BranchRow): Promise<void>;
  branches(): Promise<BranchRow[]>;

  /** Adds the operator or replaces the token.
   *  @param hash sha256 in hex of the token */
  addOperator(name: string, hash: string, now: number): Promise<void>;
  operatorByHash(hash: string): Promise<{ name: string } | null>;

  stats(): StoreStats;
  /** Writes a copy of everything into one file that is not there yet, while others read and write. */
  backup(file: string): Promise<void>;
  /** Answers when the store does. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
