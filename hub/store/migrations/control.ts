// What operators lay over the repository: pins, and edits of one device.

export const control: readonly string[] = [
  `create table pins (
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
  )`,
  `alter table devices add column edits text not null default '{"labels":{},"values":{}}'`,
  "alter table devices add column mode_operator text not null default ''",
  "alter table devices add column mode_at bigint not null default 0",
];
