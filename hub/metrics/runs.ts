// Metrics of runs: those under way and those that ended, by plan, and never by device.
import { Counter, Gauge, type Registry } from "prom-client";
import { isOver, type Run, type RunState } from "#hub/run/model.ts";
import { createPlanLabels } from "./plan_label.ts";
import type { MetricsSources } from "./sources.ts";

type Outcome = Exclude<RunState, "Pending" | "Running">;
const outcomes: readonly Outcome[] = ["Succeeded", "Failed", "Cancelled"];

export interface RunMetrics {
  /** Reads which runs are under way. */
  read(): void;
  ended(run: Pick<Run, "plan" | "head">): void;
}

export function runMetrics(registry: Registry, runs: MetricsSources["runs"]): RunMetrics {
  const registers = [registry];
  const labels = createPlanLabels();
  const active = new Gauge({
    name: "metrica_fleet_runs_active",
    help: "Runs that are ordered or under way, by plan.",
    labelNames: ["plan"],
    registers,
  });
  const ended = new Counter({
    name: "metrica_fleet_runs_ended_total",
    help: "Runs that ended since the start of the hub, by plan and outcome; one that was given up and had ended otherwise counts as both.",
    labelNames: ["plan", "outcome"],
    registers,
  });
  // All outcomes of a plan together: a rate over one that is not there yet misses its first failure.
  const begin = (plan: string): void => {
    for (const outcome of outcomes) ended.inc({ plan, outcome }, 0);
  };
  for (const plan of labels.all()) begin(plan);
  return {
    read: () => {
      for (const name of runs.plans().keys()) begin(labels.of(name));
      for (const plan of labels.all()) active.set({ plan }, 0);
      for (const { plan, head } of runs.open()) {
        if (!isOver(head)) active.inc({ plan: labels.of(plan) });
      }
    },
    ended: ({ plan, head }) => ended.inc({ plan: labels.of(plan), outcome: head.state }),
  };
}
