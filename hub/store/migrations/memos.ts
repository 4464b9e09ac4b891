// What the hub leaves with its devices, when each got its secret, and the pause of the fleet.

export const memoStatements: readonly string[] = [
  "alter table devices add column identity_at bigint not null default 0",
  `create table memos (
    device text primary key not null references devices (id) on delete cascade,
    version bigint not null,
    hash text not null,
    envelope text not null
  )`,
  `create table pauses (
    began_at bigint primary key not null,
    cause text not null,
    reason text not null,
    ended_at bigint
  )`,
];
