// One device's page: its apps down to each instance, its conditions and its history.
import { html } from "hono/html";
import { conditionsOf, type DeviceCondition } from "#hub/api/device_view.ts";
import type { UpdateView } from "#hub/api/update_view.ts";
import type { Notice } from "#hub/control/notices.ts";
import type { Lifecycle } from "#hub/run/phase.ts";
import type { DesiredRow, DeviceRow, HubEvent } from "#hub/store/port.ts";
import type { AppReport, InstanceReport, ServiceReport } from "#shared/reported.ts";
import {
  conditionBadge,
  connectionBadge,
  healthBadge,
  icon,
  instanceBadge,
  namedBadge,
  syncBadge,
} from "./badge.ts";
import { banners } from "./banners.ts";
import { deviceFacts } from "./device_facts.ts";
import { activity } from "./device_table.ts";
import { eventTable, updateList } from "./history.ts";
import { ago, commit, type Html, heads, labelList, plural, sentence, word } from "./html.ts";
import { workloadTable } from "./workloads.ts";

export interface DevicePage {
  row: DeviceRow;
  notices: readonly Notice[];
  /** Undefined until the hub has looked at it for the first time. */
  life: Lifecycle | undefined;
  desired: DesiredRow | null;
  updates: UpdateView[];
  events: HubEvent[];
  now: number;
}

export function deviceMain(view: DevicePage): Html {
  const { row, now } = view;
  const apps = row.reported?.apps ?? [];
  return html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Fleet</a> <a href="/devices/${row.id}/logs">Logs</a></nav>
<div class="headline"><h1>${row.id}</h1>${connectionBadge(row.connection)}${namedBadge("Sync", syncBadge(row.sync))}${namedBadge("Health", healthBadge(row.health))}</div>
${lastWord(row, now)}
${safeModeBanner(row, now)}${banners(view.notices, now)}
${labelList(row.labels)}
${deviceFacts(view)}
<section aria-labelledby="apps-title"><h2 id="apps-title">Apps</h2>
${apps.length === 0 ? noApps(row) : apps.map((app) => appCard(app, row, now))}</section>
${conditionTable(conditionsOf(row, view.life), now)}
${updateList(view.updates, now)}
${eventTable(view.events, now)}`;
}

/** Of a device that is away, everything below is how it was. */
function lastWord({ connection, lastSeenAt, reported }: DeviceRow, now: number): Html {
  if (connection !== "Offline" || reported === null) return html``;
  return html`<p class="muted">Nobody hears this device now. All that follows is as it last said, ${ago(lastSeenAt, now)}.</p>`;
}

function safeModeBanner({ reported }: DeviceRow, now: number): Html {
  const safeMode = reported?.safeMode;
  if (safeMode === undefined) return html``;
  return html`<p class="note bad">${icon("slash")}<span><strong>Safe mode</strong>, entered ${ago(safeMode.since, now)}: <bdi>${sentence(safeMode.message)}</bdi> ${serves[safeMode.serves]}</span></p>`;
}

const serves = {
  lastGood: "The last good releases go on running.",
  safeStack: "The fleet's safe-mode stack runs.",
  nothing: "Nothing runs but the device's own page.",
} as const;

function noApps({ reported }: DeviceRow): Html {
  const text =
    reported === null ? "This device has not reported yet." : "No deployment selects this device.";
  return html`<p class="empty">${text}</p>`;
}

function appCard(app: AppReport, { reported, connection }: DeviceRow, now: number): Html {
  const { name, sync, health, current, quarantined } = app;
  const kept =
    quarantined.length === 0
      ? ""
      : html`<p class="muted">${plural(quarantined.length, "release")} quarantined on this device: not tried again by itself.</p>`;
  return html`<article class="card" id="app-${name}" aria-labelledby="app-${name}-title">
<div class="headline"><h3 id="app-${name}-title">${name}</h3>${namedBadge("Sync", syncBadge(sync))}${namedBadge("Health", healthBadge(health))}</div>
<p class="serving">${current === undefined ? "Nothing serves yet." : html`Role ${current.role} at ${commit(current.commit, current.branch)}, release <code title="${current.digest}">${current.digest.slice(0, 12)}</code>`}</p>
${activity(app, now)}${hint(app)}${chain(app)}${kept}
${app.services.length === 0 ? "" : serviceTable(app.services, name, now)}
${workloadTable(name, { telemetry: reported?.telemetry, connection, now })}</article>`;
}

function hint({ failure }: AppReport): Html {
  return failure?.hint === undefined ? html`` : html`<p class="muted">${failure.hint}</p>`;
}

/** The nearest cause first; each next is why the one before holds. */
function chain({ name, why = [] }: AppReport): Html {
  if (why.length === 0) return html``;
  const items = why.map(
    ({ reason, message }) => html`<li><strong>${reason}</strong> ${message}</li>`,
  );
  return html`<p class="muted" id="app-${name}-why">Why it is not converged, and why that is:</p><ol class="causes" aria-labelledby="app-${name}-why">${items}</ol>`;
}

function serviceTable(services: ServiceReport[], app: string, now: number): Html {
  const rows = services.map(
    (service) => html`<tr role="row"><th scope="row" role="rowheader">${word(service.name)}</th>
<td role="cell" data-name="Health">${healthBadge(service.health)}</td>
<td role="cell" data-name="Ready">${service.ready} of ${service.wanted}</td>
<td role="cell" data-name="Runs"><span class="wrap">${service.image ?? service.runtime}</span></td>
<td role="cell" data-name="Instances">${instances(service.instances, now)}</td></tr>`,
  );
  return html`<table role="table"><caption class="hidden">Services of ${app}</caption>
<thead role="rowgroup"><tr role="row">${heads("Service", "Health", "Ready", "Runs", "Instances")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table>`;
}

function instances(all: InstanceReport[], now: number): Html {
  if (all.length === 0) return html`<span class="muted">none</span>`;
  return html`<ul class="instances">${all.map((instance) => html`<li>${instanceLine(instance, now)}</li>`)}</ul>`;
}

function instanceLine(instance: InstanceReport, now: number): Html {
  const { id, index, state, health, restarts, startedAt, exitCode } = instance;
  const facts = [
    ...(health === "none" ? [] : [health]),
    ...(exitCode === undefined || state === "running" ? [] : [`exit code ${exitCode}`]),
    ...(restarts === 0 ? [] : [plural(restarts, "restart")]),
  ];
  const comma = facts.length === 0 ? "" : ", ";
  const since = startedAt === undefined ? "" : html`${comma}started ${ago(startedAt, now)}`;
  return html`${instanceBadge(state)} <span class="muted">#${index}</span> <code title="${id}">${id.slice(0, 12)}</code> <span class="muted">${facts.join(", ")}${since}</span>`;
}

function conditionTable(conditions: readonly DeviceCondition[], now: number): Html {
  if (conditions.length === 0) return html``;
  const rows = conditions.map(
    (condition) => html`<tr role="row"><th scope="row" role="rowheader">${word(condition.type)}</th>
<td role="cell" data-name="Status">${conditionBadge(condition.status)}</td>
<td role="cell" data-name="Reason">${word(condition.reason)}</td>
<td role="cell" data-name="Message" class="message">${condition.message}</td>
<td role="cell" data-name="Since" class="when">${ago(condition.lastTransitionTime, now)}</td></tr>`,
  );
  return html`<section aria-labelledby="conditions-title"><h2 id="conditions-title">Conditions</h2>
<table role="table"><caption class="hidden">Conditions of the device</caption>
<thead role="rowgroup"><tr role="row">${heads("Type", "Status", "Reason", "Message", "Since")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table></section>`;
}
