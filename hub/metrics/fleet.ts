// Metrics of the fleet: devices by status and the state of each branch, from the store's counts.
import { Gauge, type Registry } from "prom-client";
import { memberStates, rolloutStates } from "#hub/rollout/advance/model.ts";
import type { FleetCounts, Store } from "#hub/store/port.ts";

type Dimension = "connection" | "sync" | "health";
const dimensions: Dimension[] = ["connection", "sync", "health"];

/** @returns reads the store and sets the gauges */
export function fleetMetrics(
  registry: Registry,
  store: Pick<Store, "counts" | "branches" | "rolloutCounts">,
): () => Promise<void> {
  const registers = [registry];
  const gauges = Object.fromEntries(
    dimensions.map((dimension) => {
      const name = `metrica_fleet_devices_by_${dimension}`;
      const help = `Enrolled devices by ${dimension} status.`;
      return [dimension, new Gauge({ name, help, labelNames: [dimension], registers })];
    }),
  ) as Record<Dimension, Gauge>;
  const refused = new Gauge({
    name: "metrica_fleet_branch_refused",
    help: "1 while the head of the branch is refused, else 0.",
    labelNames: ["branch"],
    registers,
  });
  const rollouts = new Gauge({
    name: "metrica_fleet_rollouts",
    help: "Deployments by the state of their newest rollout.",
    labelNames: ["state"],
    registers,
  });
  const moving = new Gauge({
    name: "metrica_fleet_rollout_devices",
    help: "Devices of the newest rollouts by their state.",
    labelNames: ["state"],
    registers,
  });
  const up = new Gauge({
    name: "metrica_fleet_hub_store_up",
    help: "1 while the hub's store answers, else 0.",
    registers,
  });
  return async () => {
    try {
      setCounts(gauges, await store.counts());
      refused.reset();
      for (const { branch, refusal } of await store.branches()) {
        refused.set({ branch }, refusal === null ? 0 : 1);
      }
      const counts = await store.rolloutCounts();
      for (const state of rolloutStates) rollouts.set({ state }, counts.rollouts[state] ?? 0);
      for (const state of memberStates) moving.set({ state }, counts.devices[state] ?? 0);
      up.set(1);
    } catch {
      // Old numbers would look like a healthy fleet.
      for (const gauge of [...Object.values(gauges), refused, rollouts, moving]) gauge.reset();
      up.set(0);
    }
  };
}

function setCounts(gauges: Record<Dimension, Gauge>, counts: FleetCounts): void {
  for (const dimension of dimensions) {
    for (const [status, devices] of Object.entries(counts[dimension])) {
      gauges[dimension].set({ [dimension]: status }, devices);
    }
  }
}
