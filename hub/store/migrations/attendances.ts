// When a hub was there.

export const attendanceStatements: readonly string[] = [
  `create table attendances (
    began_at bigint primary key not null,
    seen_at bigint not null
  )`,
];
