// The history of a device: updates with their steps, and events.
import { html } from "hono/html";
import type { UpdateView } from "#hub/api/update_view.ts";
import type { HubEvent } from "#hub/store/port.ts";
import { icon, outcomeBadge, warningBadge } from "./badge.ts";
import { ago, commit, exactDuration, type Html, heads, word } from "./html.ts";

export function updateList(updates: UpdateView[], now: number): Html {
  const items = updates.map((update) => html`<li>${updateItem(update, now)}</li>`);
  const list =
    updates.length === 0
      ? html`<p class="muted">No update was journalled yet.</p>`
      : html`<ol class="updates">${items}</ol>`;
  return html`<section aria-labelledby="updates-title"><h2 id="updates-title">Updates</h2>${list}</section>`;
}

function updateItem(update: UpdateView, now: number): Html {
  const { attempt, app, outcome, startedAt, durationMs, message, steps } = update;
  const took = durationMs === undefined ? "" : html` in ${exactDuration(durationMs)}`;
  const reason =
    message === undefined
      ? ""
      : html`<p class="failure">${icon("cross")}<span>${message}</span></p>`;
  const isOpen = outcome === "running";
  return html`<details id="update-${attempt}"${isOpen ? html` open` : ""}><summary>${outcomeBadge(outcome)} <b>${app}</b> to ${commit(update.commit)} <span class="muted">${ago(startedAt, now)}${took}</span></summary>
${stepList(steps)}</details>${reason}`;
}

function stepList(steps: UpdateView["steps"]): Html {
  if (steps.length === 0) return html`<p class="muted">No step was journalled.</p>`;
  const items = steps.map(
    ({ step, ok, durationMs, message }) =>
      html`<li class="${ok ? "done" : "undone"}">${icon(ok ? "tick" : "cross")}<span>${step} <span class="muted">${ok ? "" : "failed, "}${exactDuration(durationMs)}</span>${message === undefined ? "" : html` ${message}`}</span></li>`,
  );
  return html`<ol class="steps" aria-label="Steps">${items}</ol>`;
}

export function eventTable(events: HubEvent[], now: number): Html {
  if (events.length === 0) return html``;
  const rows = events.map(
    (
      event,
    ) => html`<tr role="row" id="event-${event.id}"><td role="cell" data-name="When" class="when">${ago(event.at, now)}</td>
<td role="cell" data-name="Type">${warningBadge(event.type)}</td>
<td role="cell" data-name="Reason">${word(event.reason)}</td>
<td role="cell" data-name="App">${event.app === null ? html`<span class="muted">device</span>` : word(event.app)}</td>
<td role="cell" data-name="Message" class="message">${event.message}</td></tr>`,
  );
  return html`<section aria-labelledby="events-title"><h2 id="events-title">Events</h2>
<table role="table"><caption class="hidden">The last events of the device</caption>
<thead role="rowgroup"><tr role="row">${heads("When", "Type", "Reason", "App", "Message")}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table></section>`;
}
