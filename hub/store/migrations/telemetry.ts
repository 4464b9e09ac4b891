// Adds the counts of what workloads say of themselves.

export const telemetryStatements: readonly string[] = [
  `create table workloads (
    device text not null references devices (id) on delete cascade,
    app text not null,
    operational bigint not null,
    degraded bigint not null,
    down bigint not null,
    unknown bigint not null,
    low_battery bigint not null,
    primary key (device, app)
  )`,
];
