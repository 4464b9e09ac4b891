// Limits and reservations of a service: `deploy.resources`, or the older keys beside it.
import type { BlockIo, Resources } from "#shared/compose/model.ts";
import { parseDurationMs } from "#shared/compose/read/units.ts";
import {
  at,
  bytes,
  decimal,
  type Field,
  fail,
  flag,
  integer,
  isSet,
  items,
  present,
  text,
  warn,
} from "./field.ts";

/** @see Compose specification, "deploy.resources" */
export function normaliseResources(service: Field): Resources {
  const limits = at(service, "deploy", "resources", "limits");
  const reserved = at(service, "deploy", "resources", "reservations");
  for (const key of ["cpus", "generic_resources"]) {
    if (isSet(at(reserved, key)))
      warn(at(reserved, key), "is ignored: an Engine has no such reservation");
  }
  return present({
    cpus: oneOf(decimal, at(service, "cpus"), at(limits, "cpus")),
    memoryBytes: oneOf(bytes, at(service, "mem_limit"), at(limits, "memory")),
    memoryReservationBytes: oneOf(bytes, at(service, "mem_reservation"), at(reserved, "memory")),
    pids: oneOf(integer, at(service, "pids_limit"), at(limits, "pids")),
    ...cpuShare(service),
    ...memoryBehaviour(service),
    blkio: blockIo(at(service, "blkio_config")),
  });
}

function cpuShare(service: Field): Partial<Resources> {
  return present({
    cpuShares: integer(at(service, "cpu_shares"), 0),
    cpuPeriodUs: microseconds(at(service, "cpu_period")),
    cpuQuotaUs: microseconds(at(service, "cpu_quota")),
    cpuRtPeriodUs: microseconds(at(service, "cpu_rt_period")),
    cpuRtRuntimeUs: microseconds(at(service, "cpu_rt_runtime")),
    cpuset: text(at(service, "cpuset")),
  });
}

function memoryBehaviour(service: Field): Partial<Resources> {
  return present({
    memorySwapBytes: swapBytes(at(service, "memswap_limit")),
    memorySwappiness: integer(at(service, "mem_swappiness"), 0),
    shmBytes: bytes(at(service, "shm_size")),
    oomKillDisable: flag(at(service, "oom_kill_disable")),
    oomScoreAdj: integer(at(service, "oom_score_adj")),
  });
}

/** The older key or the one under `deploy`; both may stand there if they agree. */
function oneOf(
  read: (field: Field) => number | undefined,
  older: Field,
  newer: Field,
): number | undefined {
  const [first, second] = [read(older), read(newer)];
  if (first !== undefined && second !== undefined && first !== second) {
    fail(older, `contradicts ${newer.path.slice(2).join(".")}`, { hint: "Keep one of them." });
  }
  return second ?? first;
}

function swapBytes(field: Field): number | undefined {
  return String(field.value) === "-1" ? -1 : bytes(field);
}

/** A whole number of microseconds, or a duration. */
function microseconds(field: Field): number | undefined {
  if (!isSet(field) || /^-?\d+$/.test(String(field.value))) return integer(field);
  const ms = parseDurationMs(String(field.value));
  if (ms === undefined) fail(field, "must be a number of microseconds or a duration such as 400ms");
  return ms === undefined ? undefined : ms * 1000;
}

function blockIo(field: Field): BlockIo | undefined {
  if (!isSet(field)) return undefined;
  return {
    ...present({ weight: integer(at(field, "weight"), 0) }),
    weightDevice: items(at(field, "weight_device")).map((item) => ({
      path: text(at(item, "path")) ?? "",
      weight: integer(at(item, "weight"), 0) ?? 0,
    })),
    deviceReadBps: rates(at(field, "device_read_bps")),
    deviceReadIops: rates(at(field, "device_read_iops")),
    deviceWriteBps: rates(at(field, "device_write_bps")),
    deviceWriteIops: rates(at(field, "device_write_iops")),
  };
}

function rates(field: Field): BlockIo["deviceReadBps"] {
  return items(field).map((item) => ({
    path: text(at(item, "path")) ?? "",
    rate: bytes(at(item, "rate")) ?? 0,
  }));
}
