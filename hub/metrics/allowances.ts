// Metrics of what the hub keeps of its devices: rows that were cut, and how many devices exceed their allowance.
import { Gauge, type Registry } from "prom-client";
import type { Store } from "#hub/store/port.ts";
import { copiedCounter } from "./counter.ts";

/** @returns reads the store and sets the metrics */
export function allowanceMetrics(
  registry: Registry,
  store: Pick<Store, "cuts">,
): () => Promise<void> {
  const cut = copiedCounter(registry, {
    name: "metrica_fleet_hub_history_cut_rows_total",
    help: "Rows deleted because more had come of a device than the hub keeps of one.",
    label: "of",
  });
  const exceeding = new Gauge({
    name: "metrica_fleet_devices_over_allowance",
    help: "Devices of which more has come than the hub keeps of one.",
    registers: [registry],
  });
  return async () => {
    const now = await store.cuts().catch(() => undefined);
    if (now === undefined) return exceeding.reset();
    cut(now.entries, "journal");
    cut(now.events, "events");
    exceeding.set(now.devices);
  };
}
