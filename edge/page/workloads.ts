// What an app's workloads say of themselves, as the device's page shows it.
import { html } from "hono/html";
import type { AppName } from "#shared/ids.ts";
import { hasLowBattery, type TelemetryState, type WorkloadReport } from "#shared/telemetry.ts";
import { workloadWords } from "#shared/telemetry_words.ts";
import { badge, type Html, moment, type Tone, table } from "./html.ts";
import { type PageView, wallAgeMs } from "./view.ts";

const tones: Record<TelemetryState, Tone> = {
  operational: "good",
  degraded: "warn",
  down: "bad",
  unknown: "none",
};

export function workloadsTable(view: PageView, app: AppName): Html {
  const own = (view.status.workloads ?? []).filter((workload) => workload.app === app);
  if (own.length === 0) return html``;
  const rows = own.map((workload) => [
    `${workload.service} ${workload.instance}`,
    badge(workload.state, toneOf(workload)),
    workloadWords(workload).join(", "),
    moment(workload.at, wallAgeMs(view, workload.at)),
  ]);
  return table(`What ${app} says of itself`, ["Copy", "State", "Says", "Said"], rows);
}

function toneOf(workload: WorkloadReport): Tone {
  const isWell = workload.state === "operational";
  return isWell && hasLowBattery(workload) ? "warn" : tones[workload.state];
}
