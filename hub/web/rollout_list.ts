// The rollouts of the fleet: the newest of each deployment with its bar, and those before.
import { html } from "hono/html";
import type { FleetHalt, MemberRow, RolloutRow } from "#hub/store/rollout_port.ts";
import { ago, commit, type Html, heads, word } from "./html.ts";
import { fleetHaltForm } from "./rollout_orders.ts";
import { countsInWords, countsOf, deviceBar, rolloutBadge } from "./rollout_words.ts";

export interface RolloutList {
  newest: readonly { row: RolloutRow; members: readonly MemberRow[] }[];
  /** Of all, newest first. */
  rows: readonly RolloutRow[];
  halt: FleetHalt | null;
  now: number;
}

export function rolloutListMain({ newest, rows, halt, now }: RolloutList): Html {
  const shown = new Set(newest.map(({ row }) => row.id));
  const older = rows.filter(({ id }) => !shown.has(id));
  return html`<h1>Rollouts</h1>
${fleetHaltForm(halt, now)}
${newest.length === 0 ? nothing() : newestTable(newest, now)}
${older.length === 0 ? "" : olderTable(older, now)}`;
}

function nothing(): Html {
  return html`<div class="empty"><p>No release has rolled out yet.</p>
<p class="muted">A rollout begins with a commit that changes a deployment with a <code>rollout</code> policy in <code>fleet.yaml</code>. Deployments without one get each release at once.</p></div>`;
}

function newestTable(newest: RolloutList["newest"], now: number): Html {
  const lines = newest.toSorted((a, b) => b.row.changedAt - a.row.changedAt);
  const body = lines.map(({ row, members }) => {
    const counts = countsOf(members.map(({ member }) => member));
    return html`<tr role="row" id="rollout-${row.id}"><th scope="row" role="rowheader"><a href="/rollouts/${row.id}">${word(`${row.deployment} #${row.id}`)}</a></th>
<td role="cell" data-name="State">${rolloutBadge(row.head.state)}</td>
<td role="cell" data-name="Step">${row.head.step + 1} of ${row.policy.steps.length}</td>
<td role="cell" data-name="Devices">${deviceBar(counts, members.length)}<span class="muted">${countsInWords(counts)}</span></td>
<td role="cell" data-name="Commit">${commit(row.commit, row.branch)}</td>
<td role="cell" data-name="Changed" class="when">${ago(row.changedAt, now)}</td></tr>`;
  });
  return html`<section aria-labelledby="newest-title"><h2 id="newest-title">Newest of each deployment</h2>
<table role="table"><caption class="hidden">The newest rollout of each deployment</caption>
<thead role="rowgroup"><tr role="row">${heads("Rollout", "State", "Step", "Devices", "Commit", "Changed")}</tr></thead>
<tbody role="rowgroup">${body}</tbody></table></section>`;
}

function olderTable(rows: readonly RolloutRow[], now: number): Html {
  const body = rows.map(
    (
      row,
    ) => html`<tr role="row" id="rollout-${row.id}"><th scope="row" role="rowheader"><a href="/rollouts/${row.id}">${word(`${row.deployment} #${row.id}`)}</a></th>
<td role="cell" data-name="State">${rolloutBadge(row.head.state)}</td>
<td role="cell" data-name="Commit">${commit(row.commit, row.branch)}</td>
<td role="cell" data-name="Last order" class="message">${row.operator === null ? "" : `${row.operator}: ${row.reason ?? ""}`}</td>
<td role="cell" data-name="Began" class="when">${ago(row.beganAt, now)}</td></tr>`,
  );
  return html`<section aria-labelledby="older-title"><h2 id="older-title">Before</h2>
<table role="table"><caption class="hidden">Older rollouts</caption>
<thead role="rowgroup"><tr role="row">${heads("Rollout", "State", "Commit", "Last order", "Began")}</tr></thead>
<tbody role="rowgroup">${body}</tbody></table></section>`;
}
