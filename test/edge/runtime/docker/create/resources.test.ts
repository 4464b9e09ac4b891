import assert from "node:assert/strict";
import { bodyOf } from "#test/edge/runtime/docker/apps.ts";
import { suite } from "#test/suite.ts";

const test = suite("resources and devices");

test("carries every limit in the Engine's units", () => {
  const { HostConfig } = bodyOf({
    resources: {
      cpus: 1.5,
      cpuShares: 512,
      cpuPeriodUs: 100_000,
      cpuQuotaUs: 50_000,
      cpuset: "0,1",
      memoryBytes: 64_000_000,
      memoryReservationBytes: 32_000_000,
      memorySwapBytes: -1,
      memorySwappiness: 10,
      pids: 100,
      shmBytes: 1024,
      oomKillDisable: true,
      oomScoreAdj: 500,
      blkio: {
        weight: 300,
        weightDevice: [{ path: "/dev/sda", weight: 200 }],
        deviceReadBps: [{ path: "/dev/sda", rate: 1 }],
        deviceReadIops: [{ path: "/dev/sda", rate: 2 }],
        deviceWriteBps: [{ path: "/dev/sda", rate: 3 }],
        deviceWriteIops: [{ path: "/dev/sda", rate: 4 }],
      },
    },
  });
  assert.equal(HostConfig.NanoCpus, 1_500_000_000);
  assert.equal(HostConfig.CpuShares, 512);
  assert.equal(HostConfig.CpuPeriod, 100_000);
  assert.equal(HostConfig.CpuQuota, 50_000);
  assert.equal(HostConfig.CpusetCpus, "0,1");
  assert.equal(HostConfig.Memory, 64_000_000);
  assert.equal(HostConfig.MemoryReservation, 32_000_000);
  assert.equal(HostConfig.MemorySwap, -1);
  assert.equal(HostConfig.MemorySwappiness, 10);
  assert.equal(HostConfig.PidsLimit, 100);
  assert.equal(HostConfig.ShmSize, 1024);
  assert.equal(HostConfig.OomKillDisable, true);
  assert.equal(HostConfig.OomScoreAdj, 500);
  assert.equal(HostConfig.BlkioWeight, 300);
  assert.deepEqual(HostConfig.BlkioWeightDevice, [{ Path: "/dev/sda", Weight: 200 }]);
  assert.deepEqual(HostConfig.BlkioDeviceReadBps, [{ Path: "/dev/sda", Rate: 1 }]);
  assert.deepEqual(HostConfig.BlkioDeviceReadIOps, [{ Path: "/dev/sda", Rate: 2 }]);
  assert.deepEqual(HostConfig.BlkioDeviceWriteBps, [{ Path: "/dev/sda", Rate: 3 }]);
  assert.deepEqual(HostConfig.BlkioDeviceWriteIOps, [{ Path: "/dev/sda", Rate: 4 }]);
});

test("carries devices, capabilities and security options", () => {
  const { HostConfig } = bodyOf({
    devices: [{ source: "/dev/ttyUSB0", target: "/dev/tty", permissions: "rw" }],
    deviceRequests: [
      { driver: "nvidia", count: -1, deviceIds: [], capabilities: ["gpu"], options: {} },
    ],
    deviceCgroupRules: ["c 1:3 mr"],
    capAdd: ["NET_ADMIN"],
    capDrop: ["ALL"],
    securityOptions: [
      "no-new-privileges:true",
      "seccomp:./seccomp.json",
      "apparmor=unconfined",
      "label:type:robot_t",
      "systempaths=unconfined",
    ],
    privileged: true,
    readOnly: true,
    init: true,
  });
  assert.deepEqual(HostConfig.Devices, [
    { PathOnHost: "/dev/ttyUSB0", PathInContainer: "/dev/tty", CgroupPermissions: "rw" },
  ]);
  assert.deepEqual(HostConfig.DeviceRequests, [
    { Driver: "nvidia", Count: -1, DeviceIDs: [], Capabilities: [["gpu"]], Options: {} },
  ]);
  assert.deepEqual(HostConfig.DeviceCgroupRules, ["c 1:3 mr"]);
  assert.deepEqual(HostConfig.CapAdd, ["NET_ADMIN"]);
  assert.deepEqual(HostConfig.CapDrop, ["ALL"]);
  assert.deepEqual(HostConfig.SecurityOpt, [
    "no-new-privileges=true",
    'seccomp={"profile":"./seccomp.json"}',
    "apparmor=unconfined",
    "label=type:robot_t",
  ]);
  assert.deepEqual([HostConfig.MaskedPaths, HostConfig.ReadonlyPaths], [[], []]);
  assert.deepEqual(
    [HostConfig.Privileged, HostConfig.ReadonlyRootfs, HostConfig.Init],
    [true, true, true],
  );
});
