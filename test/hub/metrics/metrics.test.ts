import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createBus } from "#hub/bus.ts";
import { zeroCounters } from "#hub/ingest/counters.ts";
import { createMetrics, type Metrics } from "#hub/metrics/metrics.ts";
import type { RunHead } from "#hub/run/model.ts";
import type { Store } from "#hub/store/port.ts";
import { openStore } from "#hub/store/sqlite.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { aReport } from "#test/contract/rows.ts";
import { digestWith, saying } from "#test/contract/telemetry_rows.ts";
import { suite } from "#test/suite.ts";

const test = suite("metrics");
let store: Store;
let metrics: Metrics;
const bus = createBus();
const counters = zeroCounters();
const openRuns = [
  { plan: "reboot", head: headOf("Running") },
  { plan: "reboot", head: headOf("Pending") },
  // Over, and its order stands until the device has heard of it.
  { plan: "rma", head: headOf("Cancelled") },
];

test.before(async () => {
  store = await openStore({ file: ":memory:" });
  await store.enrol("pi-1" as DeviceId, "hash", { site: "north" }, 1);
  const branch = { branch: "main", head: "a", accepted: null, checkedAt: 1 };
  await store.saveBranch({ ...branch, refusal: "fleet.yaml: bad" });
  const telemetry = digestWith(saying("robot", { operational: 3, down: 1, low_battery: 2 }));
  const reported = aReport("pi-1", { telemetry });
  await store.changeDevices([{ id: "pi-1" as DeviceId, reported }]);
  metrics = createMetrics({
    store,
    broker: { connections: () => 4 },
    ingest: { counters: () => counters },
    repository: { status: () => ({ reachable: true, fetchedAt: 1_700_000_000_000 }) },
    watch: { clients: () => 2 },
    logs: { counts: () => ({ streams: 3, readers: 5, lines: 700, droppedBytes: 40 }) },
    runs: { open: () => openRuns, plans: () => new Map([["calibrate", {}]]) },
    bus,
  });
  counters.messages.beat = 5;
  counters.refused = { message_invalid: 2 };
  metrics.observe({ method: "GET", route: "/v1/devices/:id", status: 200, seconds: 0.01 });
  metrics.published();
  metrics.fetched("failed");
  metrics.flushed(0.01);
  const told = { id: 1, at: 1, device: null, app: null, message: "", type: "Warning" } as const;
  bus.emit("event", { ...told, source: "hub", reason: "CommitRefused" });
  bus.emit("event", { ...told, source: "device", reason: "AnythingAtAll" });
});
test.after(() => store.close());

function headOf(state: RunHead["state"]): RunHead {
  const times = { startedAt: null, heardAt: null, endedAt: null };
  return { state, step: null, ...times, code: null, message: null, isStanding: true };
}

async function lines(): Promise<string[]> {
  return (await metrics.render()).split("\n");
}

test("tells devices by status, branches, messages and requests", async () => {
  const text = await lines();
  for (const line of [
    'metrica_fleet_devices_by_connection{connection="Offline"} 1',
    'metrica_fleet_branch_refused{branch="main"} 1',
    'metrica_fleet_hub_messages_total{channel="beat"} 5',
    'metrica_fleet_hub_messages_refused_total{code="message_invalid"} 2',
    "metrica_fleet_hub_mqtt_connections 4",
    "metrica_fleet_hub_watch_clients 2",
    "metrica_fleet_hub_repository_reachable 1",
    "metrica_fleet_hub_repository_fetched_timestamp_seconds 1700000000",
    'metrica_fleet_hub_http_requests_total{method="GET",route="/v1/devices/:id",status="200"} 1',
    "metrica_fleet_hub_desired_publications_total 1",
    'metrica_fleet_hub_repository_fetches_total{outcome="failed"} 1',
    'metrica_fleet_hub_repository_fetches_total{outcome="succeeded"} 0',
    'metrica_fleet_hub_ingest_flush_duration_seconds_bucket{le="0.02"} 1',
    'metrica_fleet_hub_events_total{type="Warning",reason="CommitRefused"} 1',
    'metrica_fleet_hub_events_total{type="Warning",reason="OfDevice"} 1',
    "metrica_fleet_hub_store_up 1",
  ]) {
    assert.ok(text.includes(line), line);
  }
});

test("tells workloads by site, app and state, and those with a low battery", async () => {
  await store.changeDevices([{ id: "pi-1" as DeviceId, connection: "Online" }]);
  const online = await lines();
  await store.changeDevices([{ id: "pi-1" as DeviceId, connection: "Offline" }]);
  const offline = await lines();
  const labels = 'site="north",app="robot"';
  for (const [text, operational, down, unknown, low] of [
    [online, 3, 1, 0, 2],
    [offline, 0, 0, 4, 0],
  ] as const) {
    for (const line of [
      `metrica_fleet_workloads{${labels},state="operational"} ${operational}`,
      `metrica_fleet_workloads{${labels},state="down"} ${down}`,
      `metrica_fleet_workloads{${labels},state="unknown"} ${unknown}`,
      `metrica_fleet_workloads_low_battery{${labels}} ${low}`,
      "metrica_fleet_workloads_omitted_groups 0",
    ]) {
      assert.ok(text.includes(line), line);
    }
  }
});

test("tells runs by plan and outcome, with every plan and outcome from the start", async () => {
  const before = await lines();
  metrics.runEnded({ plan: "calibrate", head: headOf("Failed") });
  const after = await lines();
  const failed = 'metrica_fleet_runs_ended_total{plan="calibrate",outcome="Failed"}';
  for (const [text, line] of [
    [before, 'metrica_fleet_runs_active{plan="reboot"} 2'],
    [before, 'metrica_fleet_runs_active{plan="rma"} 0'],
    [before, 'metrica_fleet_runs_active{plan="calibrate"} 0'],
    [before, 'metrica_fleet_runs_ended_total{plan="rma",outcome="Cancelled"} 0'],
    [before, `${failed} 0`],
    [after, `${failed} 1`],
  ] as const) {
    assert.ok(text.includes(line), line);
  }
});

test("plans without end share one series", async () => {
  for (let at = 0; at < 200; at += 1) {
    metrics.runEnded({ plan: `plan-${at}`, head: headOf("Succeeded") });
  }
  const ended = (await lines()).filter((line) => line.startsWith("metrica_fleet_runs_ended_total"));
  const plans = new Set(ended.map((line) => /plan="([^"]*)"/.exec(line)?.[1]));
  assert.equal(plans.size, 51);
  // Five built in, one of the repository and 44 more have names of their own.
  assert.ok(
    ended.includes('metrica_fleet_runs_ended_total{plan="_other",outcome="Succeeded"} 156'),
  );
});

test("tells live logs: streams, readers, lines and what was lost", async () => {
  const text = await lines();
  for (const line of [
    "metrica_fleet_hub_log_streams 3",
    "metrica_fleet_hub_log_readers 5",
    "metrica_fleet_hub_log_lines_total 700",
    "metrica_fleet_hub_log_dropped_bytes_total 40",
  ]) {
    assert.ok(text.includes(line), line);
  }
});

test("counters that are counted elsewhere rise by what was added", async () => {
  counters.messages.beat = 8;
  assert.ok((await lines()).includes('metrica_fleet_hub_messages_total{channel="beat"} 8'));
  assert.ok((await lines()).includes('metrica_fleet_hub_messages_total{channel="beat"} 8'));
});

test("no label has a value per device", async () => {
  assert.ok(!(await metrics.render()).includes("pi-1"));
});

test("a store that is away gives no old numbers, and the scrape still works", async () => {
  const working = { ...store };
  store.counts = async () => {
    throw new FleetError("store_unavailable", { message: "locked" });
  };
  store.workloadCounts = store.counts as never;
  const text = await lines();
  Object.assign(store, working);
  assert.ok(text.includes("metrica_fleet_hub_store_up 0"));
  for (const gauge of ["metrica_fleet_devices_by_sync{", "metrica_fleet_workloads{"]) {
    assert.ok(!text.some((line) => line.startsWith(gauge)), gauge);
  }
});

test.real("promtool", "promtool has nothing to complain of", async () => {
  const input = await metrics.render();
  const result = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
  assert.equal(`${result.stdout}${result.stderr}`, "");
  assert.equal(result.status, 0);
});
