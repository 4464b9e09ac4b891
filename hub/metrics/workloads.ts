// Metrics of what workloads say of themselves: by site, app and state, and never by what they call their own.
import { Gauge, type Registry } from "prom-client";
import type { Store } from "#hub/store/port.ts";
import { boundGroups, type Labelled } from "#hub/telemetry/bound.ts";
import { TelemetryState } from "#shared/telemetry.ts";

/** Each has five series. */
const maxGroups = 500;

/** @returns reads the store and sets the gauges */
export function workloadMetrics(
  registry: Registry,
  store: Pick<Store, "workloadCounts">,
): () => Promise<void> {
  const registers = [registry];
  const states = new Gauge({
    name: "metrica_fleet_workloads",
    help: "Copies of services by what they last said, or unknown when that was long ago.",
    labelNames: ["site", "app", "state"],
    registers,
  });
  const low = new Gauge({
    name: "metrica_fleet_workloads_low_battery",
    help: "Copies of services whose battery is below a fifth of its charge.",
    labelNames: ["site", "app"],
    registers,
  });
  const omitted = new Gauge({
    name: "metrica_fleet_workloads_omitted_groups",
    help: "Pairs of site and app without series of their own, summed up in the site _other.",
    registers,
  });
  const set = ({ site, app, counts }: Labelled): void => {
    for (const state of TelemetryState.options) states.set({ site, app, state }, counts[state]);
    low.set({ site, app }, counts.low_battery);
  };
  return async () => {
    // A store that does not answer shows nothing: old numbers would look like a healthy fleet.
    const rows = await store.workloadCounts().catch(() => []);
    const bounded = boundGroups(rows, maxGroups);
    for (const gauge of [states, low]) gauge.reset();
    for (const group of bounded.groups) set(group);
    omitted.set(bounded.omitted);
  };
}
