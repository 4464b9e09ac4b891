// The fleet page: totals, branches, and the devices of each site with their apps.
import { html } from "hono/html";
import type { DeviceListQuery } from "#hub/api/devices.ts";
import type { Notice } from "#hub/control/notices.ts";
import type { RepositoryHealth } from "#hub/git/health.ts";
import type { BranchRow, DeviceRow, FleetCounts, Page, SiteCounts } from "#hub/store/port.ts";
import type { FleetWorkloads } from "#hub/telemetry/totals.ts";
import { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import { acceptedBadge, icon, refusedBadge, toneOf } from "./badge.ts";
import { banners } from "./banners.ts";
import { deviceTable } from "./device_table.ts";
import { ago, commit, type Html, heads, plural, word } from "./html.ts";
import { noBranches, noDevices, refusalNote, repositoryNote } from "./notices.ts";
import { isFiltered, overviewHref } from "./overview_query.ts";
import { workloadTotal } from "./workloads.ts";

export interface Overview {
  counts: FleetCounts;
  sites: SiteCounts[];
  workloads: FleetWorkloads;
  branches: BranchRow[];
  repository: RepositoryHealth;
  notices: readonly Notice[];
  readonly noticesOn: (row: DeviceRow) => readonly Notice[];
  page: Page<DeviceRow>;
  filter: DeviceListQuery;
  problem?: string | undefined;
  now: number;
  /** The hub's address as the browser reached it. */
  origin: string;
}

export function overviewMain(view: Overview): Html {
  return html`<h1>Fleet</h1>
${banners(view.notices, view.now)}${repositoryNote(view.repository, view.now)}
${view.branches.filter(({ refusal }) => refusal !== null).map(refusalNote)}
${totals(view)}
${branchTable(view)}
<section aria-labelledby="devices-title">
<h2 id="devices-title">Devices</h2>
${filterForm(view)}
${view.problem === undefined ? "" : html`<p class="note bad" role="alert">${icon("cross")}<span>The filter was left aside: ${view.problem}</span></p>`}
${view.page.rows.length === 0 ? nothing(view) : deviceTable(view)}
${pager(view)}
</section>`;
}

function totals({ counts, workloads }: Overview): Html {
  return html`<section class="totals" aria-label="Totals">
<div class="total"><h2>Devices</h2><p class="figure">${counts.devices}</p></div>
${totalOf("Sync", "sync", SyncStatus.options, counts.sync)}
${totalOf("Health", "health", HealthStatus.options, counts.health)}
${totalOf("Connection", "connection", Connection.options, counts.connection)}
${workloadTotal(workloads)}
</section>`;
}

type Dimension = "sync" | "health" | "connection";

/** Every status has its place, but of the less usual ones only those that occur are shown. */
function totalOf<S extends SyncStatus | HealthStatus | Connection>(
  title: string,
  dimension: Dimension,
  statuses: readonly S[],
  counts: Record<S, number>,
): Html {
  const [first] = statuses;
  const shown = statuses.filter((status) => status === first || counts[status] > 0);
  const items = shown.map((status) => {
    const tone = counts[status] === 0 ? "none" : toneOf(status);
    const href = overviewHref({ [dimension]: status });
    return html`<li><a class="count ${tone}" href="${href}"><b>${counts[status]}</b> ${status}</a></li>`;
  });
  return html`<div class="total"><h2>${title}</h2><ul>${items}</ul></div>`;
}

function branchTable({ branches, repository, now }: Overview): Html {
  if (branches.length === 0) return noBranches(repository);
  const rows = branches.map(
    (
      row,
    ) => html`<tr id="branch-${row.branch}" role="row"><th scope="row" role="rowheader">${word(row.branch)}</th>
<td role="cell" data-name="State">${row.refusal === null ? acceptedBadge() : refusedBadge()}</td>
<td role="cell" data-name="Accepted">${row.accepted === null ? html`<span class="muted">none</span>` : commit(row.accepted)}</td>
<td role="cell" data-name="Head">${commit(row.head)}</td>
<td role="cell" data-name="Checked">${ago(row.checkedAt, now)}</td></tr>`,
  );
  return html`<section aria-labelledby="branches-title"><h2 id="branches-title">Branches</h2>
<table role="table" class="narrow"><caption class="hidden">Branches of the fleet repository</caption>
<thead role="rowgroup"><tr role="row">${heads("Branch", "State", "Accepted", "Head", "Checked")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table></section>`;
}

function filterForm({ filter }: Overview): Html {
  const clear = isFiltered(filter) ? html`<a class="button quiet" href="/">Clear</a>` : "";
  return html`<form class="filter" method="get" action="/" role="search" aria-label="Filter devices">
<label class="wide">Labels <input name="labelSelector" value="${filter.labelSelector}" placeholder="site in (north, south), role=player" autocomplete="off" spellcheck="false" maxlength="1024"></label>
${choice("Sync", "sync", SyncStatus.options, filter.sync)}
${choice("Health", "health", HealthStatus.options, filter.health)}
${choice("Connection", "connection", Connection.options, filter.connection)}
<button>Filter</button>${clear}</form>`;
}

function choice(
  title: string,
  name: Dimension,
  options: readonly string[],
  chosen: string | undefined,
): Html {
  const items = options.map(
    (option) => html`<option${option === chosen ? html` selected` : ""}>${option}</option>`,
  );
  return html`<label>${title} <select name="${name}"><option value="">any</option>${items}</select></label>`;
}

function nothing({ counts, filter, origin }: Overview): Html {
  if (counts.devices > 0 && isFiltered(filter)) {
    return html`<p class="empty">No device matches this filter. <a href="/">Show all ${counts.devices}</a>.</p>`;
  }
  if (counts.devices > 0) {
    return html`<p class="empty">No device comes after these. <a href="/">Show the first ones</a>.</p>`;
  }
  return noDevices(origin);
}

function pager({ page, filter, counts }: Overview): Html {
  const isFirst = filter.cursor === undefined;
  if (isFirst && page.next === null) return html``;
  const { cursor: _, ...rest } = filter;
  const first = isFirst
    ? ""
    : html`<a class="button quiet" href="${overviewHref(rest)}">First page</a>`;
  const next =
    page.next === null
      ? ""
      : html`<a class="button quiet" rel="next" href="${overviewHref({ ...rest, cursor: page.next })}">Next page</a>`;
  const of = isFiltered(filter) ? "" : ` of ${counts.devices}`;
  return html`<nav class="pager" aria-label="Pages"><span class="muted">${plural(page.rows.length, "device")}${of} on this page</span>${first}${next}</nav>`;
}
