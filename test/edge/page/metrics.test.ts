import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createLocalApi } from "#edge/page/api.ts";
import { type AgentMetrics, createAgentMetrics } from "#edge/page/metrics.ts";
import { saying } from "#test/contract/telemetry_rows.ts";
import { suite } from "#test/suite.ts";
import { clockAt, fixedToken, statusOf } from "./fixture.ts";

const test = suite("agent metrics");

/** Metrics with a value in every family. */
function filled(): AgentMetrics {
  const metrics = createAgentMetrics();
  const { host } = statusOf();
  metrics.setInfo({ device: "pi-1", version: "0.1.0" });
  metrics.observeLoop(120);
  metrics.countStep("pull", "ok");
  metrics.countStep("pull", "image_missing");
  metrics.countUpdate("succeeded");
  metrics.countRuntimeCall("docker", "list", 4);
  metrics.setApps([
    { sync: "Synced", health: "Healthy" },
    { sync: "Synced", health: "Healthy" },
    { sync: "OutOfSync", health: "Progressing" },
  ]);
  metrics.setRestarts([{ app: "web", service: "web", restarts: 3 }]);
  metrics.setWorkloads([saying("robot", { operational: 3, down: 1, low_battery: 2 })]);
  metrics.setGeneration(7);
  metrics.setConnected(true);
  metrics.setJournalUnacknowledged(12);
  if (host !== undefined) metrics.setHost(host);
  return metrics;
}

const name = (rest: string): string => `metrica_fleet_agent_${rest}`;

async function linesOf(metrics: AgentMetrics): Promise<string[]> {
  return (await metrics.render()).split("\n");
}

test("writes what the loop has told it, in base units", async () => {
  const lines = await linesOf(filled());
  for (const line of [
    'info{device="pi-1",version="0.1.0"} 1',
    "loop_duration_seconds_sum 0.12",
    'loop_duration_seconds_bucket{le="0.25"} 1',
    'loop_duration_seconds_bucket{le="0.1"} 0',
    'steps_total{kind="pull",outcome="image_missing"} 1',
    'updates_total{outcome="succeeded"} 1',
    'runtime_calls_total{runtime="docker",call="list"} 4',
    'apps{sync="Synced",health="Healthy"} 2',
    'service_restarts{app="web",service="web"} 3',
    'workloads{app="robot",state="operational"} 3',
    'workloads{app="robot",state="down"} 1',
    'workloads{app="robot",state="unknown"} 0',
    'workloads_low_battery{app="robot"} 2',
    "generation 7",
    "connected 1",
    "journal_unacknowledged_entries 12",
    "host_cpu_ratio 0.25",
    "host_temperature_celsius 51.5",
    "host_disk_size_bytes 40000000000",
  ]) {
    assert.ok(lines.includes(name(line)), line);
  }
});

test("apps, services and sensors that are gone leave no sample behind", async () => {
  const metrics = filled();
  const { host } = statusOf();
  assert.ok(host);
  const { temperatureC: _none, ...cold } = host;
  metrics.setApps([{ sync: "Synced", health: "Healthy" }]);
  metrics.setRestarts([]);
  metrics.setWorkloads([]);
  metrics.setHost(cold);
  const lines = (await linesOf(metrics)).filter((line) => !line.startsWith("#"));
  assert.ok(lines.includes(name('apps{sync="Synced",health="Healthy"} 1')));
  for (const gone of ["OutOfSync", "service_restarts{", "workloads{", "host_temperature_celsius"]) {
    assert.deepEqual(
      lines.filter((line) => line.includes(gone)),
      [],
    );
  }
});

test("a machine without a sensor never had a temperature", async () => {
  const lines = await linesOf(createAgentMetrics());
  assert.equal(
    lines.some((line) => line.startsWith(name("host_temperature_celsius"))),
    false,
  );
});

test("every family has a help text, a type and the agent's prefix", async () => {
  const lines = await linesOf(filled());
  const families = new Set(
    lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]),
  );
  const helped = new Set(
    lines.filter((line) => line.startsWith("# HELP")).map((line) => line.split(" ")[2]),
  );
  assert.deepEqual(families, helped);
  assert.ok(families.size >= 20);
  for (const family of families) assert.ok(family?.startsWith("metrica_fleet_agent_"));
});

test("two agents in one process do not share a number", async () => {
  const [a, b] = [createAgentMetrics(), createAgentMetrics()];
  a.countUpdate("succeeded");
  assert.equal((await b.render()).includes('updates_total{outcome="succeeded"}'), false);
});

test("the agent's processor time only rises", async () => {
  const metrics = createAgentMetrics();
  const read = async (): Promise<number> => {
    const line = (await linesOf(metrics)).find((text) =>
      text.startsWith(name("process_cpu_seconds_total ")),
    );
    return Number(line?.split(" ")[1]);
  };
  const before = await read();
  assert.ok(before > 0);
  assert.ok((await read()) >= before);
});

test.real("promtool", "passes promtool check metrics as it is served", async () => {
  const api = createLocalApi({
    page: { host: "127.0.0.1", port: 0 },
    status: statusOf,
    pulse: () => ({ lastMonotonicMs: 0, intervalMs: 1000, stepDeadlineMs: 0 }),
    metrics: filled(),
    token: fixedToken,
    clock: clockAt(() => 0),
  });
  const { port } = await api.start();
  try {
    const response = await fetch(`http://127.0.0.1:${port}/metrics`);
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const input = await response.text();
    const checked = spawnSync("promtool", ["check", "metrics"], { input, encoding: "utf8" });
    assert.equal(checked.stderr + checked.stdout, "");
    assert.equal(checked.status, 0);
  } finally {
    await api.stop();
  }
});
