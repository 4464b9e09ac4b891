// What workloads say of themselves: the fleet's totals, and each copy on its device's page.
import { html } from "hono/html";
import type { FleetWorkloads } from "#hub/telemetry/totals.ts";
import type { AppName } from "#shared/ids.ts";
import type { Connection } from "#shared/status.ts";
import { type TelemetryDigest, TelemetryState, type WorkloadReport } from "#shared/telemetry.ts";
import { workloadWords } from "#shared/telemetry_words.ts";
import { telemetryBadge, telemetryTone } from "./badge.ts";
import { ago, type Html, heads, word } from "./html.ts";

/** Nothing in a fleet whose workloads say nothing. */
export function workloadTotal(workloads: FleetWorkloads): Html {
  if (workloads.total === 0) return html``;
  const shown = TelemetryState.options.filter(
    (state) => state === "operational" || workloads[state] > 0,
  );
  const items = shown.map((state) => count(workloads[state], state, telemetryTone(state)));
  const low =
    workloads.low_battery === 0 ? "" : count(workloads.low_battery, "low battery", "warn");
  return html`<div class="total"><h2>Workloads</h2><ul>${items}${low}</ul></div>`;
}

function count(copies: number, words: string, tone: string): Html {
  return html`<li><span class="count ${copies === 0 ? "none" : tone}"><b>${copies}</b> ${words}</span></li>`;
}

interface Said {
  telemetry: TelemetryDigest | undefined;
  connection: Connection;
  now: number;
}

export function workloadTable(app: AppName, { telemetry, connection, now }: Said): Html {
  const own = (telemetry?.workloads ?? []).filter((workload) => workload.app === app);
  const total = telemetry?.apps.find((counts) => counts.app === app)?.total ?? 0;
  if (total === 0) return html``;
  const heard = connection === "Online";
  const rows = own.map((workload) => row(workload, heard, now));
  const more =
    total > own.length
      ? html`<p class="muted">${own.length} of ${total} are listed; the worst come first.</p>`
      : "";
  return html`<table role="table"><caption class="hidden">What ${app} says of itself</caption>
<thead role="rowgroup"><tr role="row">${heads("Copy", "State", "Says", "Said")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table>${more}`;
}

/** Of a device that is not heard this is the last word, and not how the copy is. */
function row(workload: WorkloadReport, heard: boolean, now: number): Html {
  const { service, instance, state, at } = workload;
  return html`<tr role="row"><th scope="row" role="rowheader">${word(service)} <span class="muted">#${instance}</span></th>
<td role="cell" data-name="State">${telemetryBadge(heard ? state : "unknown")}</td>
<td role="cell" data-name="Says" class="message">${heard ? "" : `last ${state} `}${workloadWords(workload).join(", ")}</td>
<td role="cell" data-name="Said" class="when">${ago(at, now)}</td></tr>`;
}
