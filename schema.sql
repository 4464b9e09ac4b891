-- The tables of both sides, as the migrations leave them. A test replays the migrations and compares.

-- === hub ===
-- hub: the hub's store (hub/store). Written by the numbered steps of hub/store/migrations.ts.

-- Which of those steps this database has.
create table migrations (
  id bigint primary key not null,
  name text not null,
  applied_at bigint not null
);

-- Rising numbers that a transaction takes, e.g. the ids of events.
create table counters (
  name text primary key not null,
  value bigint not null
);

-- One row per device, for lists without a join. Times are Unix ms by the hub's clock; last_seen_at is 0 before the
-- first message. labels, agent_labels, host_health and reported are JSON. mode, mode_reason, mode_operator, mode_at and retry are what an
-- operator ordered; identity_at is when the secret was given; edits (JSON) is what lies on top of the device's files (hub/control/overrides.ts).
create table devices (
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
  reported text,
  mode text not null default 'run',
  mode_reason text not null default '',
  retry bigint not null default 0,
  edits text not null default '{"labels":{},"values":{}}',
  mode_operator text not null default '',
  mode_at bigint not null default 0,
  identity_at bigint not null default 0
);
create index devices_by_last_seen on devices (last_seen_at, id);
create index devices_by_status on devices (id, connection, sync, health);

-- The effective labels again, as an index for selectors and for counts per site.
create table device_labels (
  key text not null,
  value text not null,
  device text not null references devices (id) on delete cascade,
  primary key (key, value, device)
);
create index device_labels_by_device on device_labels (device);

-- What the hub wants of a device: content and signed envelope as JSON. The generation only rises.
create table desired (
  device text primary key not null references devices (id) on delete cascade,
  generation bigint not null,
  spec_hash text not null,
  issued_at bigint not null,
  content text not null,
  envelope text not null
);

-- What devices have journalled. `at` and `monotonic_ms` are by the device's clocks; body is JSON.
create table journal (
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
);
create index journal_by_arrival on journal (device, received_at, epoch, seq);
create index journal_by_age on journal (kind, received_at);
create index journal_minor on journal (device, received_at, epoch, seq)
  where kind not in ('update.started', 'step.started', 'step.finished', 'update.finished',
    'run.started', 'run.step.started', 'run.step.ended', 'run.log', 'run.ended');

-- Up to this seq everything is stored, or was dropped on the device for good. moved_at is when that was said last, by
-- the hub's clock: of each device the newest 256 stay.
create table journal_marks (
  device text not null,
  epoch text not null,
  seq bigint not null,
  moved_at bigint not null default 0,
  primary key (device, epoch)
);

-- How much is kept of each device's journal and events, each row counted with its text and 320 or 160 bytes; how many
-- rows were cut to keep it within its allowance, since when it exceeds that (null: it does not), and when something was cut
-- last. Times are Unix ms by the hub's clock.
create table holdings (
  device text primary key not null,
  journal_bytes bigint not null,
  event_bytes bigint not null,
  entries_cut bigint not null,
  events_cut bigint not null,
  exceeded_at bigint,
  cut_at bigint
);
create index holdings_exceeded on holdings (exceeded_at, device) where exceeded_at is not null;

-- Facts about the fleet, from the hub and from the devices' journals.
create table events (
  id bigint primary key not null,
  at bigint not null,
  device text,
  app text,
  source text not null,
  type text not null,
  reason text not null,
  message text not null
);
create index events_by_device on events (device, id);
create index events_by_reason on events (reason, id);
create index events_by_age on events (at);
create index events_by_type on events (type, id);

-- Immutable contents of roles, named by their sha256.
create table releases (
  digest text primary key not null,
  role text not null,
  size bigint not null,
  created_at bigint not null
);
create index releases_by_age on releases (created_at, digest);
create index releases_by_role on releases (role, created_at, digest);

-- The commits that a release's content came from.
create table release_commits (
  digest text not null references releases (digest) on delete cascade,
  commit_id text not null,
  branch text not null,
  author text not null,
  subject text not null,
  committed_at bigint not null,
  primary key (digest, commit_id, branch)
);

-- The last known state of each branch of the fleet repository.
create table branches (
  branch text primary key not null,
  head text not null,
  accepted text,
  refusal text,
  checked_at bigint not null
);

-- Enrolment tokens by the sha256 of the token; redeemed once, by one device and nonce.
create table tokens (
  hash text primary key not null,
  expires_at bigint not null,
  device text,
  created_at bigint not null,
  used_by text,
  used_nonce text,
  used_at bigint
);
create index tokens_by_end on tokens (expires_at);

-- Operators by the sha256 of their token.
create table operators (
  name text primary key not null,
  hash text not null unique,
  created_at bigint not null
);

-- Accepted states of the fleet repository that devices have or return to; the one with the greatest place is
-- followed now. body is JSON.
create table snapshots (
  id text primary key not null,
  place bigint not null,
  body text not null
);

-- One row per move of a deployment to a new rendering. target and base name snapshots; cohorts, their bases, suspects
-- and policy are JSON; a change is refused unless it was decided on the present version.
create table rollouts (
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
  version bigint not null,
  cohort_bases text not null default '[]'
);
create index rollouts_by_deployment on rollouts (deployment, id);

-- What became of each device of a rollout; place is the order of release, before names the snapshot that the
-- device keeps until its step comes, and base the one that it returns to; null: that of the rollout.
create table rollout_devices (
  rollout bigint not null references rollouts (id) on delete cascade,
  device text not null references devices (id) on delete cascade,
  place bigint not null,
  state text not null,
  step bigint,
  before text not null,
  deadline_at bigint,
  reason text,
  changed_at bigint not null,
  base text,
  primary key (rollout, device)
);
create index rollout_devices_by_place on rollout_devices (rollout, place);

-- How many copies of an app's services on a device say what of themselves; summed by site and app.
create table workloads (
  device text not null references devices (id) on delete cascade,
  app text not null,
  operational bigint not null,
  degraded bigint not null,
  down bigint not null,
  unknown bigint not null,
  low_battery bigint not null,
  primary key (device, app)
);

-- Emergency halts by scope; the scope is `fleet`.
create table halts (
  scope text primary key not null,
  operator text not null,
  reason text not null,
  at bigint not null
);

-- The searches for the first bad commit of a rollout. body is JSON: commits with their verdicts, and the canaries;
-- fleet is the state of the fleet that the canaries are to try now.
create table bisects (
  id bigint primary key not null,
  rollout bigint not null references rollouts (id) on delete cascade,
  deployment text not null,
  branch text not null,
  state text not null,
  body text not null,
  fleet text,
  operator text not null,
  reason text not null,
  began_at bigint not null,
  changed_at bigint not null,
  version bigint not null
);
create index bisects_by_rollout on bisects (rollout, id);

-- Devices that stay at one release by an operator's word: all of the deployment, those that label_selector matches,
-- or one. source is the part of the fleet, as JSON, that they are rendered from; null while its commit cannot be read.
create table pins (
  id bigint primary key not null,
  deployment text not null,
  device text,
  label_selector text,
  branch text not null,
  commit_id text not null,
  role text not null,
  digest text not null,
  operator text not null,
  reason text not null,
  at bigint not null,
  until bigint,
  source text
);

-- The newest memo of each device, as the hub sealed it or the device brought it back: what the hub itself would miss
-- without this database. hash names the content.
create table memos (
  device text primary key not null references devices (id) on delete cascade,
  version bigint not null,
  hash text not null,
  envelope text not null
);

-- When nothing new was asked of any device, because this database was blank or an old copy; ended_at is null while
-- that lasts.
create table pauses (
  began_at bigint primary key not null,
  cause text not null,
  reason text not null,
  ended_at bigint
);

-- When a hub was there: one row for each of its lives, seen_at moved on every minute. No deadline counts the time between.
create table attendances (
  began_at bigint primary key not null,
  seen_at bigint not null
);

-- What was ordered of one device each: a plan with its parameters, resolved to steps. rules are what the plan says of
-- phases and of silence; step is the place of the step under way, as JSON; standing is 1 while the order is in the
-- device's desired state.
create table runs (
  id text primary key not null,
  device text not null,
  request text not null,
  fingerprint text not null,
  plan text not null,
  parameters text not null,
  steps text not null,
  rules text not null,
  operator text not null,
  reason text not null,
  ordered_at bigint not null,
  state text not null,
  step text,
  started_at bigint,
  heard_at bigint,
  ended_at bigint,
  code text,
  message text,
  standing bigint not null,
  version bigint not null
);
create unique index runs_by_request on runs (device, request);
create unique index runs_active on runs (device) where state in ('Pending', 'Running');
create index runs_standing on runs (id) where standing = 1;
create index runs_by_device on runs (device, id);
create index runs_by_age on runs (ordered_at);

-- The phase of each device, enrolled or only imported, with its two conditions as JSON, and what an inventory file
-- said of it.
create table lifecycles (
  device text primary key not null,
  phase text not null,
  since bigint not null,
  provisioned text not null,
  intervention text not null,
  labels text not null,
  inventory text not null
);
-- === end of hub ===

-- === edge ===

-- One row: the name of this database, the mark up to which the hub has stored its entries, and the seq above
-- which they belong to this name; those below were sent under another.
CREATE TABLE journal (
  id           INTEGER PRIMARY KEY CHECK (id = 1),
  epoch        TEXT    NOT NULL,
  acknowledged INTEGER NOT NULL DEFAULT 0,
  began        INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Everything that happened, in one sequence whose numbers are never given twice.
CREATE TABLE entries (
  seq          INTEGER PRIMARY KEY AUTOINCREMENT,
  boot_id      TEXT    NOT NULL,
  at           INTEGER NOT NULL,
  monotonic_ms REAL    NOT NULL,
  kind         TEXT    NOT NULL,
  app          TEXT,
  body         TEXT    NOT NULL,
  attempt      TEXT    GENERATED ALWAYS AS (body ->> '$.attempt') VIRTUAL
) STRICT;
CREATE INDEX entries_by_kind ON entries (kind, seq);
CREATE INDEX entries_by_attempt ON entries (attempt, seq) WHERE attempt IS NOT NULL;

-- Verified desired states; the greatest generation is in force.
CREATE TABLE desired_states (
  generation  INTEGER PRIMARY KEY,
  spec_hash   TEXT    NOT NULL,
  received_at INTEGER NOT NULL,
  content     TEXT    NOT NULL,
  envelope    TEXT    NOT NULL
) STRICT;

-- Updates under way, as JSON of the update machine (edge/plan/attempt.ts).
CREATE TABLE attempts (
  id    TEXT PRIMARY KEY,
  app   TEXT NOT NULL,
  state TEXT NOT NULL
) STRICT;

-- Revisions that failed on this device and are not tried again.
CREATE TABLE quarantine (
  app      TEXT NOT NULL,
  revision TEXT NOT NULL,
  failure  TEXT NOT NULL,
  PRIMARY KEY (app, revision)
) STRICT, WITHOUT ROWID;

-- What the agent keeps from one start to the next: JSON by name (edge/journal/port.ts, Remembered).
CREATE TABLE memory (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- === end of edge ===
