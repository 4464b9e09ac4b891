// Maps limits, reservations, block I/O and devices to the Engine's host configuration. Pure.
import type {
  DeviceRequestBody,
  HostConfig,
  ThrottleBody,
} from "#edge/runtime/docker/calls/api.ts";
import type { BlockIo, ComposeService, DeviceRequest, Resources } from "#shared/compose/model.ts";

const nanoPerCpu = 1e9;

export function resourcesOf(resources: Resources): HostConfig {
  return {
    NanoCpus: resources.cpus === undefined ? undefined : Math.round(resources.cpus * nanoPerCpu),
    CpuShares: resources.cpuShares,
    CpuPeriod: resources.cpuPeriodUs,
    CpuQuota: resources.cpuQuotaUs,
    CpuRealtimePeriod: resources.cpuRtPeriodUs,
    CpuRealtimeRuntime: resources.cpuRtRuntimeUs,
    CpusetCpus: resources.cpuset,
    Memory: resources.memoryBytes,
    MemoryReservation: resources.memoryReservationBytes,
    MemorySwap: resources.memorySwapBytes,
    MemorySwappiness: resources.memorySwappiness,
    PidsLimit: resources.pids,
    ShmSize: resources.shmBytes,
    OomKillDisable: resources.oomKillDisable,
    OomScoreAdj: resources.oomScoreAdj,
    ...(resources.blkio === undefined ? {} : blockIoOf(resources.blkio)),
  };
}

function blockIoOf(blkio: BlockIo): HostConfig {
  return {
    BlkioWeight: blkio.weight,
    BlkioWeightDevice: blkio.weightDevice.map(({ path, weight }) => ({
      Path: path,
      Weight: weight,
    })),
    BlkioDeviceReadBps: blkio.deviceReadBps.map(throttle),
    BlkioDeviceReadIOps: blkio.deviceReadIops.map(throttle),
    BlkioDeviceWriteBps: blkio.deviceWriteBps.map(throttle),
    BlkioDeviceWriteIOps: blkio.deviceWriteIops.map(throttle),
  };
}

function throttle({ path, rate }: { path: string; rate: number }): ThrottleBody {
  return { Path: path, Rate: rate };
}

export function devicesOf(spec: ComposeService): HostConfig {
  return {
    Devices: spec.devices.map(({ source, target, permissions }) => ({
      PathOnHost: source,
      PathInContainer: target,
      CgroupPermissions: permissions,
    })),
    DeviceRequests: spec.deviceRequests.map(deviceRequest),
    DeviceCgroupRules: spec.deviceCgroupRules,
  };
}

/** The Engine takes alternatives of capability sets; a Compose file states one set. */
function deviceRequest(request: DeviceRequest): DeviceRequestBody {
  return {
    Driver: request.driver,
    Count: request.count,
    DeviceIDs: request.deviceIds,
    Capabilities: request.capabilities.length === 0 ? undefined : [request.capabilities],
    Options: request.options,
  };
}
