// The hub's Prometheus metrics: no label has a value per device, so the series stay few in any fleet.
import { Counter, collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { Bus } from "#hub/bus.ts";
import { allowanceMetrics } from "./allowances.ts";
import { fleetMetrics } from "./fleet.ts";
import { partMetrics } from "./parts.ts";
import { type RunMetrics, runMetrics } from "./runs.ts";
import type { MetricsSources } from "./sources.ts";
import { workloadMetrics } from "./workloads.ts";

export interface MeasuredRequest {
  method: string;
  /** The route's pattern. */
  route: string;
  status: number;
  seconds: number;
}

export interface Metrics {
  readonly contentType: string;
  /** The text that a scrape gets. */
  render(): Promise<string>;
  /** An HTTP request was answered. */
  observe(request: MeasuredRequest): void;
  /** A desired state was handed to the broker. */
  published(): void;
  /** The repository was fetched, or could not be. */
  fetched(outcome: "succeeded" | "failed"): void;
  /** A batch of messages was written to the store, or could not be. */
  flushed(seconds: number): void;
  runEnded: RunMetrics["ended"];
}

export function createMetrics(sources: MetricsSources): Metrics {
  const registry = new Registry();
  const readFleet = fleetMetrics(registry, sources.store);
  const readWorkloads = workloadMetrics(registry, sources.store);
  const readAllowances = allowanceMetrics(registry, sources.store);
  const runs = runMetrics(registry, sources.runs);
  const readParts = partMetrics(registry, sources);
  if (sources.bus !== undefined) eventMetrics(registry, sources.bus);
  addProcessMetrics(registry);
  return {
    contentType: registry.contentType,
    render: async () => {
      readParts();
      runs.read();
      await readFleet();
      await readWorkloads();
      await readAllowances();
      return registry.metrics();
    },
    observe: requestMetrics(registry),
    published: publicationMetrics(registry),
    fetched: fetchMetrics(registry),
    flushed: flushMetrics(registry),
    runEnded: runs.ended,
  };
}

function requestMetrics(registry: Registry): Metrics["observe"] {
  const requests = new Counter({
    name: "metrica_fleet_hub_http_requests_total",
    help: "HTTP requests by method, route pattern and status.",
    labelNames: ["method", "route", "status"],
    registers: [registry],
  });
  const seconds = new Histogram({
    name: "metrica_fleet_hub_http_request_duration_seconds",
    help: "Time until the head of the answer, by route pattern.",
    labelNames: ["route"],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  return (request) => {
    const { method, route, status } = request;
    requests.inc({ method, route, status: String(status) });
    seconds.observe({ route }, request.seconds);
  };
}

function publicationMetrics(registry: Registry): Metrics["published"] {
  const publications = new Counter({
    name: "metrica_fleet_hub_desired_publications_total",
    help: "Desired states handed to the broker.",
    registers: [registry],
  });
  return () => publications.inc();
}

function fetchMetrics(registry: Registry): Metrics["fetched"] {
  const fetches = new Counter({
    name: "metrica_fleet_hub_repository_fetches_total",
    help: "Fetches of the fleet repository by outcome.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  // Both series from the start: a rate over one that is not there yet misses its first failure.
  for (const outcome of ["succeeded", "failed"]) fetches.inc({ outcome }, 0);
  return (outcome) => fetches.inc({ outcome });
}

function flushMetrics(registry: Registry): Metrics["flushed"] {
  const seconds = new Histogram({
    name: "metrica_fleet_hub_ingest_flush_duration_seconds",
    help: "Time to write one batch of messages to the store.",
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [registry],
  });
  return (duration) => seconds.observe(duration);
}

/** Reasons of the hub's own events are few; a device may say anything, so its are one series. */
function eventMetrics(registry: Registry, bus: Bus): void {
  const events = new Counter({
    name: "metrica_fleet_hub_events_total",
    help: "Events by type and, for the hub's own, by reason.",
    labelNames: ["type", "reason"],
    registers: [registry],
  });
  bus.on("event", ({ type, source, reason }) => {
    events.inc({ type, reason: source === "hub" ? reason : "OfDevice" });
  });
}

/** Gauges of the library that Prometheus' own linter objects to. */
const misnamed = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

function addProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
}
