import * as assert from "node:assert/strict";
import type { ComposeService } from "#shared/compose/model.ts";
import { partOf, serviceOf } from "#test/shared/compose/harness.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose resources and devices");

const table: [yaml: string, expected: Partial<ComposeService>][] = [
  [
    "devices: [/dev/a, '/dev/a:/dev/b', '/dev/a:/dev/b:r']",
    {
      devices: [
        { source: "/dev/a", target: "/dev/a", permissions: "rwm" },
        { source: "/dev/a", target: "/dev/b", permissions: "rwm" },
        { source: "/dev/a", target: "/dev/b", permissions: "r" },
      ],
    },
  ],
  [
    "devices: [{source: '/dev/a:1'}]",
    { devices: [{ source: "/dev/a:1", target: "/dev/a:1", permissions: "rwm" }] },
  ],
  [
    "devices: [vendor.com/gpu=0]",
    {
      devices: [],
      deviceRequests: [
        { driver: "cdi", deviceIds: ["vendor.com/gpu=0"], capabilities: [], options: {} },
      ],
    },
  ],
  [
    "gpus: all",
    { deviceRequests: [{ count: -1, deviceIds: [], capabilities: ["gpu"], options: {} }] },
  ],
  [
    "gpus: [{driver: nvidia, device_ids: ['1'], options: {a: b}}]",
    {
      deviceRequests: [
        { driver: "nvidia", deviceIds: ["1"], capabilities: ["gpu"], options: { a: "b" } },
      ],
    },
  ],
  [
    "deploy: {resources: {reservations: {devices: [{capabilities: [gpu, tpu], count: '2'}]}}}",
    { deviceRequests: [{ count: 2, deviceIds: [], capabilities: ["gpu", "tpu"], options: {} }] },
  ],
  [
    "cpus: 0.5\nmem_limit: 64m\nmem_reservation: 1024\nmemswap_limit: -1\npids_limit: -1\nshm_size: 1g",
    {
      resources: {
        cpus: 0.5,
        memoryBytes: 67_108_864,
        memoryReservationBytes: 1024,
        memorySwapBytes: -1,
        pids: -1,
        shmBytes: 1_073_741_824,
      },
    },
  ],
  [
    "deploy: {resources: {limits: {cpus: '1.5', memory: 50M, pids: 9}, reservations: {memory: 20M}}}",
    {
      resources: {
        cpus: 1.5,
        memoryBytes: 52_428_800,
        pids: 9,
        memoryReservationBytes: 20_971_520,
      },
    },
  ],
  [
    "mem_limit: 1024k\ndeploy: {resources: {limits: {memory: 1m}}}",
    { resources: { memoryBytes: 1_048_576 } },
  ],
  [
    "cpu_shares: 5\ncpu_period: 100000\ncpu_quota: 50ms\ncpu_rt_runtime: '400ms'\ncpu_rt_period: 950\ncpuset: 0,1",
    {
      resources: {
        cpuShares: 5,
        cpuPeriodUs: 100_000,
        cpuQuotaUs: 50_000,
        cpuRtRuntimeUs: 400_000,
        cpuRtPeriodUs: 950,
        cpuset: "0,1",
      },
    },
  ],
  [
    "mem_swappiness: 0\noom_kill_disable: true\noom_score_adj: -5",
    { resources: { memorySwappiness: 0, oomKillDisable: true, oomScoreAdj: -5 } },
  ],
  [
    "blkio_config: {weight: 300, weight_device: [{path: /dev/a, weight: 4}], device_read_bps: [{path: /dev/a, rate: 1mb}], device_write_iops: [{path: /dev/a, rate: 30}]}",
    {
      resources: {
        blkio: {
          weight: 300,
          weightDevice: [{ path: "/dev/a", weight: 4 }],
          deviceReadBps: [{ path: "/dev/a", rate: 1_048_576 }],
          deviceReadIops: [],
          deviceWriteBps: [],
          deviceWriteIops: [{ path: "/dev/a", rate: 30 }],
        },
      },
    },
  ],
];

for (const [yaml, expected] of table) {
  test(`reads ${yaml.replaceAll("\n", " ")}`, () => {
    assert.deepEqual(partOf(serviceOf(yaml), expected), expected);
  });
}
