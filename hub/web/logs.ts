// The page of a device's logs: the last lines as text, and with a script each new one as it is said.
import { html } from "hono/html";
import type { LogItem } from "#hub/logs/port.ts";
import type { DeviceRow } from "#hub/store/port.ts";
import { connectionBadge, icon } from "./badge.ts";
import { bytesText, type Html, sentence } from "./html.ts";

export interface LogsPage {
  row: DeviceRow;
  /** As the query names it: `agent`, `events`, `APP` or `APP/SERVICE`; empty for all services. */
  choice: string;
  tail: number;
  items: LogItem[];
  /** Why there are none. */
  problem?: { detail: string; hint?: string | undefined };
  /** The same log of the API, followed. */
  stream: string;
}

export const tails = [50, 200, 1000] as const;

export function logsMain({ row, choice, tail, items, problem, stream }: LogsPage): Html {
  const { id } = row;
  return html`<nav class="crumbs" aria-label="Breadcrumb"><a href="/">Fleet</a> <a href="/devices/${id}">${id}</a></nav>
<div class="headline"><h1>Logs of ${id}</h1>${connectionBadge(row.connection)}<span id="log-state" class="live" role="status" hidden></span></div>
<form class="filter" method="get" action="/devices/${id}/logs">
<label>Log <select name="of">${choicesOf(row).map(([value, name]) => option(value, name, choice))}</select></label>
<label>Last lines <select name="tail">${tails.map((lines) => option(String(lines), String(lines), String(tail)))}</select></label>
<button class="quiet">Show</button></form>
${problem === undefined ? "" : problemNote(problem)}
<pre id="log" class="log" tabindex="0" role="region" aria-label="Lines of the log" data-stream="${stream}">${items.map(itemLine)}</pre>
${items.length === 0 && problem === undefined ? html`<p id="log-empty" class="empty">Nothing was said yet.</p>` : ""}`;
}

function option(value: string, name: string, chosen: string): Html {
  return html`<option value="${value}"${value === chosen ? html` selected` : ""}>${name}</option>`;
}

function choicesOf({ reported }: DeviceRow): [value: string, name: string][] {
  const apps = (reported?.apps ?? []).flatMap(({ name, services }): [string, string][] => [
    [name, `${name}: all services`],
    ...services.map((one): [string, string] => [`${name}/${one.name}`, `${name}/${one.name}`]),
  ]);
  return [["", "All services"], ...apps, ["agent", "The agent"], ["events", "The device's events"]];
}

function problemNote({ detail, hint }: { detail: string; hint?: string | undefined }): Html {
  return html`<p class="note warn" role="status">${icon("ring")}<span><strong>No log now</strong>: <bdi>${sentence(detail)}</bdi> ${hint ?? ""}</span></p>`;
}

/** Of the same form as the script's. */
function itemLine(item: LogItem): Html {
  if (item.kind === "dropped") {
    return html`<span class="gap">${bytesText(item.bytes)} were lost here
</span>`;
  }
  if (item.kind === "caughtUp") return html``;
  if (item.kind === "end") {
    return item.reason === "complete"
      ? html``
      : html`<span class="gap">${item.message}
</span>`;
  }
  const { at, from, stream, text } = item.line;
  const time = new Date(at).toISOString();
  return html`<span class="${stream === "stderr" ? "line err" : "line"}"><time datetime="${time}" title="${time}">${time.slice(11, 19)}</time> ${from === undefined ? "" : html`<b>${from}</b> `}${text}
</span>`;
}
