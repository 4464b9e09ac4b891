// The runs of plans, and the phase of each device.

export const runStatements: readonly string[] = [
  `create table runs (
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
  )`,
  "create unique index runs_by_request on runs (device, request)",
  "create unique index runs_active on runs (device) where state in ('Pending', 'Running')",
  "create index runs_standing on runs (id) where standing = 1",
  "create index runs_by_device on runs (device, id)",
  `create table lifecycles (
    device text primary key not null,
    phase text not null,
    since bigint not null,
    provisioned text not null,
    intervention text not null,
    labels text not null,
    inventory text not null
  )`,
];
