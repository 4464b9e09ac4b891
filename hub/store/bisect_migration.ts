// The table of bisects, as a step of the schema.

export const bisectStatements = [
  `create table bisects (
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
  )`,
  "create index bisects_by_rollout on bisects (rollout, id)",
] as const;
