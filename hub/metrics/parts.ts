// Metrics of the hub's parts: ingestion, store, broker, repository and watchers.
import { Gauge, type Registry } from "prom-client";
import type { IngestCounters } from "#hub/ingest/counters.ts";
import type { LogCounts } from "#hub/logs/port.ts";
import type { StoreStats } from "#hub/store/port.ts";
import { copiedCounter } from "./counter.ts";
import type { MetricsSources } from "./sources.ts";

const prefix = "metrica_fleet_hub";

/** @returns reads the parts and sets the metrics */
export function partMetrics(registry: Registry, sources: MetricsSources): () => void {
  const readIngest = ingestMetrics(registry);
  const readStore = storeMetrics(registry);
  const readLogs = logMetrics(registry);
  const readGauges = gaugeMetrics(registry, sources);
  return () => {
    readIngest(sources.ingest.counters());
    readStore(sources.store.stats());
    readLogs(sources.logs.counts());
    readGauges();
  };
}

function ingestMetrics(registry: Registry): (counters: IngestCounters) => void {
  const counter = (name: string, help: string, label?: string) =>
    copiedCounter(registry, {
      name: `${prefix}_${name}`,
      help,
      ...(label === undefined ? {} : { label }),
    });
  const messages = counter("messages_total", "Messages of devices by channel.", "channel");
  const refused = counter("messages_refused_total", "Messages refused, by error code.", "code");
  const coalesced = counter(
    "messages_coalesced_total",
    "Messages that a later one replaced before they were stored.",
  );
  const beats = counter("heartbeats_dropped_total", "Heartbeats dropped under load.");
  const deferred = counter("journals_deferred_total", "Journal batches that devices send again.");
  const unknown = counter("unknown_device_messages_total", "Messages of devices not enrolled.");
  const batches = counter("ingest_batches_total", "Batches written to the store.");
  const batched = counter("ingest_batched_messages_total", "Messages written in batches.");
  const entries = counter("journal_entries_total", "Journal entries that were new.");
  const events = counter("events_dropped_total", "Events dropped under load.");
  const failures = counter("ingest_store_failures_total", "Batches that the store refused.");
  const queued = new Gauge({
    name: `${prefix}_ingest_queued_messages`,
    help: "Messages that wait to be written, by channel.",
    labelNames: ["channel"],
    registers: [registry],
  });
  return (now) => {
    for (const [channel, count] of Object.entries(now.messages)) messages(count, channel);
    for (const [code, count] of Object.entries(now.refused)) refused(count, code);
    for (const [channel, count] of Object.entries(now.queued)) queued.set({ channel }, count);
    coalesced(now.coalesced);
    beats(now.beatsDropped);
    deferred(now.journalsDeferred);
    unknown(now.unknownDevices);
    batches(now.batches);
    batched(now.batchedMessages);
    entries(now.journalEntries);
    events(now.eventsDropped);
    failures(now.storeFailures);
  };
}

function storeMetrics(registry: Registry): (stats: StoreStats) => void {
  const counter = (name: string, help: string) =>
    copiedCounter(registry, { name: `${prefix}_store_${name}`, help });
  const read = counter("rows_read_total", "Rows read from the store.");
  const written = counter("rows_written_total", "Rows written to the store.");
  const statements = counter("statements_total", "Statements run on the store.");
  return ({ rowsRead, rowsWritten, statements: run }) => {
    read(rowsRead);
    written(rowsWritten);
    statements(run);
  };
}

function logMetrics(registry: Registry): (counts: LogCounts) => void {
  const registers = [registry];
  const streams = new Gauge({
    name: `${prefix}_log_streams`,
    help: "Live log streams of devices that are open.",
    registers,
  });
  const readers = new Gauge({
    name: `${prefix}_log_readers`,
    help: "Readers of live logs.",
    registers,
  });
  const lines = copiedCounter(registry, {
    name: `${prefix}_log_lines_total`,
    help: "Lines that readers of live logs were given.",
  });
  const dropped = copiedCounter(registry, {
    name: `${prefix}_log_dropped_bytes_total`,
    help: "Bytes that readers of live logs were told they do not get.",
  });
  return (now) => {
    streams.set(now.streams);
    readers.set(now.readers);
    lines(now.lines);
    dropped(now.droppedBytes);
  };
}

function gaugeMetrics(registry: Registry, sources: MetricsSources): () => void {
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `${prefix}_${name}`, help, registers: [registry] });
  const connections = gauge("mqtt_connections", "Open MQTT connections.");
  const watchers = gauge("watch_clients", "Open watch streams.");
  const paused = gauge("paused", "1 while the fleet is paused after a loss of the store, else 0.");
  const reachable = gauge("repository_reachable", "1 while the last fetch worked, else 0.");
  const fetched = gauge(
    "repository_fetched_timestamp_seconds",
    "Unix time of the last fetch that worked.",
  );
  return () => {
    connections.set(sources.broker.connections());
    watchers.set(sources.watch.clients());
    paused.set((sources.pause?.state() ?? null) === null ? 0 : 1);
    const { fetchedAt, reachable: isReachable } = sources.repository.status();
    reachable.set(isReachable ? 1 : 0);
    fetched.set((fetchedAt ?? 0) / 1000);
  };
}
