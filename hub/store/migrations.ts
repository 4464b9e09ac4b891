// The hub's schema as numbered steps; a step that was released is never changed, only followed.
import { bisectStatements } from "./bisect_migration.ts";
import { ageStatements } from "./migrations/ages.ts";
import { attendanceStatements } from "./migrations/attendances.ts";
import { control } from "./migrations/control.ts";
import { holdingStatements } from "./migrations/holdings.ts";
import { memoStatements } from "./migrations/memos.ts";
import { rolloutBaseStatements } from "./migrations/rollout_bases.ts";
import { runStatements } from "./migrations/runs.ts";
import { telemetryStatements } from "./migrations/telemetry.ts";

export interface Migration {
  /** From 1, without gaps. */
  id: number;
  name: string;
  statements: readonly string[];
}

/** Plain SQL that SQLite and PostgreSQL both read. */
export const migrations: readonly Migration[] = [
  {
    id: 1,
    name: "devices, desired state, journal, events, releases",
    statements: [
      `create table counters (
        name text primary key not null,
        value bigint not null
      )`,
      `create table devices (
        id text primary key not null,
        secret_hash text not null,
        enrolled_at bigint not null,
        connection text not null,
        last_seen_at bigint not null,
        heartbeat_ms bigint not null,
        boot_id text,
        desired_generation bigint not null,
        desired_hash text,
        observed_generation bigint not null,
        observed_hash text,
        sync text not null,
        health text not null,
        labels text not null,
        agent_labels text not null,
        host_health text,
        reported text
      )`,
      "create index devices_by_last_seen on devices (last_seen_at, id)",
      "create index devices_by_status on devices (id, connection, sync, health)",
      `create table device_labels (
        key text not null,
        value text not null,
        device text not null references devices (id) on delete cascade,
        primary key (key, value, device)
      )`,
      "create index device_labels_by_device on device_labels (device)",
      `create table desired (
        device text primary key not null references devices (id) on delete cascade,
        generation bigint not null,
        spec_hash text not null,
        issued_at bigint not null,
        content text not null,
        envelope text not null
      )`,
      `create table journal (
        device text not null,
        epoch text not null,
        seq bigint not null,
        boot_id text not null,
        at bigint not null,
        monotonic_ms double precision not null,
        kind text not null,
        app text,
        body text not null,
        received_at bigint not null,
        primary key (device, epoch, seq)
      )`,
      "create index journal_by_arrival on journal (device, received_at, epoch, seq)",
      `create table journal_marks (
        device text not null,
        epoch text not null,
        seq bigint not null,
        primary key (device, epoch)
      )`,
      `create table events (
        id bigint primary key not null,
        at bigint not null,
        device text,
        app text,
        source text not null,
        type text not null,
        reason text not null,
        message text not null
      )`,
      "create index events_by_device on events (device, id)",
      "create index events_by_reason on events (reason, id)",
      `create table releases (
        digest text primary key not null,
        role text not null,
        size bigint not null,
        created_at bigint not null
      )`,
      "create index releases_by_age on releases (created_at, digest)",
      "create index releases_by_role on releases (role, created_at, digest)",
      `create table release_commits (
        digest text not null references releases (digest) on delete cascade,
        commit_id text not null,
        branch text not null,
        author text not null,
        subject text not null,
        committed_at bigint not null,
        primary key (digest, commit_id, branch)
      )`,
      `create table branches (
        branch text primary key not null,
        head text not null,
        accepted text,
        refusal text,
        checked_at bigint not null
      )`,
      `create table tokens (
        hash text primary key not null,
        expires_at bigint not null,
        device text,
        created_at bigint not null,
        used_by text,
        used_nonce text,
        used_at bigint
      )`,
      `create table operators (
        name text primary key not null,
        hash text not null unique,
        created_at bigint not null
      )`,
    ],
  },
  {
    id: 2,
    name: "finding what is old",
    statements: [
      "create index journal_by_age on journal (kind, received_at)",
      "create index events_by_age on events (at)",
      "create index tokens_by_end on tokens (expires_at)",
    ],
  },
  {
    id: 3,
    name: "what operators order of a device",
    statements: [
      "alter table devices add column mode text not null default 'run'",
      "alter table devices add column mode_reason text not null default ''",
      "alter table devices add column retry bigint not null default 0",
    ],
  },
  {
    id: 4,
    name: "rollouts",
    statements: [
      `create table snapshots (
        id text primary key not null,
        place bigint not null,
        body text not null
      )`,
      `create table rollouts (
        id bigint primary key not null,
        deployment text not null,
        branch text not null,
        commit_id text not null,
        digest text not null,
        target text not null,
        base text not null,
        signature text not null,
        quarantined bigint not null,
        state text not null,
        step bigint not null,
        bake_until bigint,
        approved bigint not null,
        forced bigint not null,
        cohorts text not null,
        suspects text not null,
        policy text not null,
        operator text,
        reason text,
        began_at bigint not null,
        changed_at bigint not null,
        version bigint not null
      )`,
      "create index rollouts_by_deployment on rollouts (deployment, id)",
      `create table rollout_devices (
        rollout bigint not null references rollouts (id) on delete cascade,
        device text not null references devices (id) on delete cascade,
        place bigint not null,
        state text not null,
        step bigint,
        before text not null,
        deadline_at bigint,
        reason text,
        changed_at bigint not null,
        primary key (rollout, device)
      )`,
      `create table halts (
        scope text primary key not null,
        operator text not null,
        reason text not null,
        at bigint not null
      )`,
    ],
  },
  {
    id: 5,
    name: "bisects",
    statements: bisectStatements,
  },
  { id: 6, name: "pins and edits of one device", statements: control },
  { id: 7, name: "memos on devices, and the pause", statements: memoStatements },
  { id: 8, name: "runs, and phases of devices", statements: runStatements },
  { id: 9, name: "what workloads say", statements: telemetryStatements },
  { id: 10, name: "when a hub was there", statements: attendanceStatements },
  { id: 11, name: "finding old runs, and events by type", statements: ageStatements },
  { id: 12, name: "how much is kept of each device", statements: holdingStatements },
  { id: 13, name: "what devices of a rollout return to", statements: rolloutBaseStatements },
];
