// What a workload said, as short words for a page or a terminal. Pure.
import { hasLowBattery, type WorkloadReport } from "./telemetry.ts";

/** Its values in a fixed order; [] when it said no more than its state. */
export function workloadWords(workload: WorkloadReport): string[] {
  const { message, temperatureCelsius, uptimeSeconds } = workload;
  return [
    ...(message === undefined ? [] : [message]),
    ...batteryWords(workload),
    ...taskWords(workload),
    ...positionWords(workload),
    ...(temperatureCelsius === undefined ? [] : [`${rounded(temperatureCelsius)} °C`]),
    ...(uptimeSeconds === undefined ? [] : [`up for ${duration(uptimeSeconds)}`]),
    ...pairs(workload.counters),
    ...pairs(workload.extensions),
  ];
}

/** A share of 0.128 reads `12.8 %`. */
function percent(share: number): string {
  return `${rounded(share * 100)} %`;
}

function rounded(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function batteryWords(workload: Pick<WorkloadReport, "battery">): string[] {
  const { battery } = workload;
  if (battery === undefined) return [];
  const low = hasLowBattery(workload) ? "low battery" : "battery";
  return [`${low} ${percent(battery.charge)}${battery.charging === true ? ", charging" : ""}`];
}

function taskWords({ task }: Pick<WorkloadReport, "task">): string[] {
  if (task === undefined) return [];
  const { name, state, progress } = task;
  const share = progress === undefined ? "" : ` ${percent(progress)}`;
  return [`task ${name}${state === undefined ? "" : ` ${state}`}${share}`];
}

function positionWords({ position }: Pick<WorkloadReport, "position">): string[] {
  if (position === undefined) return [];
  const { latitude, longitude, map, xMeters, yMeters } = position;
  if (latitude !== undefined && longitude !== undefined) {
    return [`at ${latitude.toFixed(5)}, ${longitude.toFixed(5)}`];
  }
  return [`at ${map} ${rounded(xMeters ?? 0)}, ${rounded(yMeters ?? 0)} m`];
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600
    ? `${Math.round(seconds / 3600)} h`
    : `${Math.round(seconds / 86_400)} d`;
}

function pairs(all: Readonly<Record<string, number | string | boolean>> = {}): string[] {
  return Object.entries(all).map(([name, value]) => `${name}=${value}`);
}
