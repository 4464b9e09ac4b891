// What the record of a copy says of it to the loop. Pure.
import type { ObservedInstance } from "#edge/runtime/port.ts";
import type { CopyRecord } from "./record.ts";

export function observed(record: CopyRecord): ObservedInstance {
  const { app, service, index, configHash, release, image, run, exitCode, restarts, launch } =
    record;
  return {
    runtime: "process",
    app,
    service,
    index,
    configHash,
    release,
    id: String(run?.program ?? 0),
    state: record.phase === "removing" ? "dead" : record.phase,
    health: launch.healthcheck === undefined ? "none" : record.health,
    restarts,
    ...(image === undefined ? {} : { image }),
    ...(run === undefined ? {} : { startedAt: run.startedAt }),
    ...(record.phase === "running" && launch.own !== undefined
      ? { backends: listening(launch) }
      : {}),
    ...(exitCode === undefined ? {} : { exitCode }),
  };
}

function listening({ own = [] }: CopyRecord["launch"]): NonNullable<ObservedInstance["backends"]> {
  return Object.fromEntries(own.map(({ target, port }) => [target, { host: "127.0.0.1", port }]));
}
