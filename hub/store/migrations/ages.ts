// Finding old runs, and events by their type, without reading all of them.

export const ageStatements: readonly string[] = [
  "create index runs_by_age on runs (ordered_at)",
  "create index events_by_type on events (type, id)",
];
