// The hub's tables as kysely sees them; JSON columns are text.

import type { MemberState, RolloutState } from "#hub/rollout/advance/model.ts";
import type { BisectState } from "#hub/rollout/bisect/model.ts";
import type { RunState } from "#hub/run/model.ts";
import type { Phase } from "#hub/run/phase.ts";
import type { DesiredMode } from "#shared/desired.ts";
import type { AppName, DeviceId, Digest } from "#shared/ids.ts";
import type { EventBody, JournalEntry } from "#shared/journal.ts";
import type { RequestId, RunId } from "#shared/run.ts";
import type { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import type { Pause } from "./memo_port.ts";
import type { HubEvent } from "./port.ts";

export interface Tables {
  migrations: { id: number; name: string; applied_at: number };
  counters: { name: string; value: number };
  devices: DevicesTable;
  device_labels: { key: string; value: string; device: DeviceId };
  desired: {
    device: DeviceId;
    generation: number;
    spec_hash: string;
    issued_at: number;
    content: string;
    envelope: string;
  };
  journal: {
    device: DeviceId;
    epoch: string;
    seq: number;
    boot_id: string;
    at: number;
    monotonic_ms: number;
    kind: JournalEntry["kind"];
    app: string | null;
    body: string;
    received_at: number;
  };
  journal_marks: {
    device: DeviceId;
    epoch: string;
    seq: number;
    /** 0: before this was kept. */
    moved_at: number;
  };
  holdings: {
    device: DeviceId;
    journal_bytes: number;
    event_bytes: number;
    entries_cut: number;
    events_cut: number;
    exceeded_at: number | null;
    cut_at: number | null;
  };
  events: {
    id: number;
    at: number;
    device: DeviceId | null;
    app: string | null;
    source: HubEvent["source"];
    type: EventBody["type"];
    reason: string;
    message: string;
  };
  releases: { digest: Digest; role: string; size: number; created_at: number };
  release_commits: {
    digest: Digest;
    commit_id: string;
    branch: string;
    author: string;
    subject: string;
    committed_at: number;
  };
  branches: {
    branch: string;
    head: string;
    accepted: string | null;
    refusal: string | null;
    checked_at: number;
  };
  tokens: {
    hash: string;
    expires_at: number;
    device: DeviceId | null;
    created_at: number;
    used_by: DeviceId | null;
    used_nonce: string | null;
    used_at: number | null;
  };
  operators: { name: string; hash: string; created_at: number };
  snapshots: { id: string; place: number; body: string };
  rollouts: RolloutsTable;
  rollout_devices: {
    rollout: number;
    device: DeviceId;
    place: number;
    state: MemberState;
    step: number | null;
    before: string;
    base: string | null;
    deadline_at: number | null;
    reason: string | null;
    changed_at: number;
  };
  pins: {
    id: number;
    deployment: AppName;
    device: DeviceId | null;
    label_selector: string | null;
    branch: string;
    commit_id: string;
    role: string;
    digest: Digest;
    operator: string;
    reason: string;
    at: number;
    until: number | null;
    source: string | null;
  };
  workloads: {
    device: DeviceId;
    app: AppName;
    operational: number;
    degraded: number;
    down: number;
    unknown: number;
    low_battery: number;
  };
  halts: { scope: string; operator: string; reason: string; at: number };
  runs: RunsTable;
  lifecycles: {
    device: DeviceId;
    phase: Phase;
    since: number;
    provisioned: string;
    intervention: string;
    labels: string;
    inventory: string;
  };
  memos: { device: DeviceId; version: number; hash: string; envelope: string };
  attendances: { began_at: number; seen_at: number };
  pauses: { began_at: number; cause: Pause["cause"]; reason: string; ended_at: number | null };
  bisects: {
    id: number;
    rollout: number;
    deployment: AppName;
    branch: string;
    state: BisectState;
    body: string;
    fleet: string | null;
    operator: string;
    reason: string;
    began_at: number;
    changed_at: number;
    version: number;
  };
}

export interface RunsTable {
  id: RunId;
  device: DeviceId;
  request: RequestId;
  fingerprint: string;
  plan: string;
  parameters: string;
  steps: string;
  rules: string;
  operator: string;
  reason: string;
  ordered_at: number;
  state: RunState;
  step: string | null;
  started_at: number | null;
  heard_at: number | null;
  ended_at: number | null;
  code: string | null;
  message: string | null;
  standing: number;
  version: number;
}

export interface RolloutsTable {
  id: number;
  deployment: AppName;
  branch: string;
  commit_id: string;
  digest: Digest;
  target: string;
  base: string;
  signature: string;
  quarantined: number;
  state: RolloutState;
  step: number;
  bake_until: number | null;
  approved: number;
  forced: number;
  cohorts: string;
  cohort_bases: string;
  suspects: string;
  policy: string;
  operator: string | null;
  reason: string | null;
  began_at: number;
  changed_at: number;
  version: number;
}

export interface DevicesTable {
  id: DeviceId;
  secret_hash: string;
  /** Unix ms at which that secret was given; 0 where an earlier version gave it. */
  identity_at: number;
  enrolled_at: number;
  connection: Connection;
  /** 0 before the first message, so that it can be indexed and compared. */
  last_seen_at: number;
  heartbeat_ms: number;
  boot_id: string | null;
  desired_generation: number;
  desired_hash: string | null;
  observed_generation: number;
  observed_hash: string | null;
  sync: SyncStatus;
  health: HealthStatus;
  labels: string;
  agent_labels: string;
  host_health: string | null;
  reported: string | null;
  mode: DesiredMode;
  mode_reason: string;
  retry: number;
  edits: string;
  mode_operator: string;
  /** 0: never. */
  mode_at: number;
}
