// A Prometheus counter whose value is counted elsewhere and copied when someone scrapes.
import { Counter, type Registry } from "prom-client";

/** @returns copies the count of one series; no label where there are none */
export function copiedCounter(
  registry: Registry,
  options: { name: string; help: string; label?: string },
): (value: number, labelValue?: string) => void {
  const { name, help, label } = options;
  const labelNames = label === undefined ? [] : [label];
  const counter = new Counter({ name, help, labelNames, registers: [registry] });
  const copied = new Map<string, number>();
  return (value, labelValue = "") => {
    // The library's counters only add, so the growth since the last copy is added.
    const growth = Math.max(0, value - (copied.get(labelValue) ?? 0));
    copied.set(labelValue, value);
    if (label === undefined) counter.inc(growth);
    else counter.inc({ [label]: labelValue }, growth);
  };
}
