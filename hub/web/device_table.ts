// The table of devices, grouped by site, one row for each app.
import { html } from "hono/html";
import type { DeviceRow, SiteCounts } from "#hub/store/port.ts";
import type { AppReport } from "#shared/reported.ts";
import { connectionBadge, healthBadge, icon, syncBadge } from "./badge.ts";
import { markText } from "./banners.ts";
import { ago, commit, type Html, heads, plural, sentence, word } from "./html.ts";
import type { Overview } from "./overview.ts";

const columns = 8;

export function deviceTable({ page, sites, now, noticesOn }: Overview): Html {
  const bySite = Map.groupBy(page.rows, ({ labels }) => labels["site"] ?? "");
  const groups = [...bySite]
    .sort(([a], [b]) => Number(a === "") - Number(b === "") || a.localeCompare(b, "en"))
    .map(([site, rows]) => siteGroup({ site, rows, sites, noticesOn, now }));
  return html`<div class="scroll"><table role="table" class="devices"><caption class="hidden">Devices by site, with their apps</caption>
<thead role="rowgroup"><tr role="row">${heads("Device", "Connection", "Last seen", "App", "Sync", "Health", "Commit", "Now")}</tr></thead>
${groups}</table></div>`;
}

interface Group extends Pick<Overview, "sites" | "noticesOn" | "now"> {
  site: string;
  rows: DeviceRow[];
}

function siteGroup({ site, rows, sites, noticesOn, now }: Group): Html {
  const counts = sites.find((one) => one.site === site);
  const title = site === "" ? "No site" : site;
  return html`<tbody role="rowgroup" id="site-${site}"><tr role="row" class="site"><th scope="rowgroup" role="rowheader" colspan="${columns}">${title}${counts === undefined ? "" : siteSummary(counts)}</th></tr>
${rows.map((row) => deviceRows(row, markText(noticesOn(row)), now))}</tbody>`;
}

function siteSummary({ devices, sync, health, connection }: SiteCounts): Html {
  const parts = [
    plural(devices, "device"),
    `${sync.Synced} Synced`,
    `${health.Healthy} Healthy`,
    `${connection.Online} Online`,
  ];
  return html` <span class="muted">${parts.join(" · ")}</span>`;
}

function deviceRows(row: DeviceRow, mark: string, now: number): Html[] {
  const apps = row.reported?.apps ?? [];
  const [first, ...more] = apps;
  const span = Math.max(1, apps.length);
  const head = html`<th scope="row" role="rowheader" class="device" rowspan="${span}"><a href="/devices/${row.id}">${word(row.id)}</a>${roleOf(row)}${mark === "" ? "" : html` <p class="mark">${mark}</p>`}</th>
<td role="cell" data-name="Connection" rowspan="${span}">${connectionBadge(row.connection)}</td>
<td role="cell" data-name="Last seen" rowspan="${span}" class="when">${ago(row.lastSeenAt, now)}</td>`;
  const cells = first === undefined ? noApp(row) : appCells(first, row, now);
  return [
    html`<tr role="row" class="first" id="device-${row.id}">${head}${cells}</tr>`,
    ...more.map(
      (app) =>
        html`<tr role="row" id="device-${row.id}.${app.name}">${appCells(app, row, now)}</tr>`,
    ),
  ];
}

/** Nobody knows what an offline device does now. */
const lastReported = html`<p class="muted">as last reported</p>`;

function roleOf({ labels }: DeviceRow): Html {
  const role = labels["role"];
  return role === undefined ? html`` : html` <span class="muted">${word(role)}</span>`;
}

function noApp({ reported }: DeviceRow): Html {
  const text = reported === null ? "has not reported yet" : "has no app";
  return html`<td role="cell" colspan="${columns - 3}" class="muted" data-name="App">${text}</td>`;
}

function appCells(app: AppReport, { connection }: DeviceRow, now: number): Html {
  const { current } = app;
  const serving =
    current === undefined
      ? html`<span class="muted">none yet</span>`
      : commit(current.commit, current.branch);
  return html`<td role="cell" data-name="App" class="name">${word(app.name)}</td>
<td role="cell" data-name="Sync">${syncBadge(app.sync)}</td>
<td role="cell" data-name="Health">${healthBadge(app.health)}</td>
<td role="cell" data-name="Commit">${serving}</td>
<td role="cell" data-name="Now" class="now">${connection === "Offline" ? lastReported : ""}${activity(app, now)}</td>`;
}

/** The step under way, or why the app is held back, or nothing. */
export function activity(
  { step, progress, target, failure, retryAt }: AppReport,
  now: number,
): Html {
  const to = target === undefined ? "" : html` to ${commit(target.commit)}`;
  const share =
    progress === undefined
      ? ""
      : html` <progress max="1" value="${progress}" aria-label="${step ?? "step"}"></progress> ${Math.round(progress * 100)} %`;
  const doing =
    step === undefined
      ? ""
      : html`<p class="step">${icon("half")}<span>${step}${to}${share}</span></p>`;
  const again = retryAt !== undefined && retryAt > now ? " It is tried again." : "";
  const held =
    failure === undefined
      ? ""
      : html`<p class="failure">${icon("cross")}<span>${step === undefined && target !== undefined ? html`${commit(target.commit)}: ` : ""}<bdi>${sentence(failure.message)}</bdi>${again}</span></p>`;
  return html`${doing}${held}`;
}
