// What happened: the last updates with their steps, and the last events.
import { html } from "hono/html";
import type { UpdateRecord } from "#edge/journal/port.ts";
import type { EntryKind, JournalEntry } from "#shared/journal.ts";
import { badge, commit, durationText, type Html, moment, table } from "./html.ts";
import { entryAgeMs, type PageView, updateAgeMs } from "./view.ts";

export function updatesSection(view: PageView): Html {
  const { updates } = view.status;
  const body =
    updates.length === 0
      ? html`<p>None yet.</p>`
      : updates.map((update) => updateDetails(view, update));
  return html`<section aria-labelledby="updates"><h2 id="updates">Last updates</h2>${body}</section>`;
}

function updateDetails(view: PageView, update: UpdateRecord): Html {
  const { attempt, app, outcome, failure, steps } = update;
  const rows = steps.map(({ step, durationMs, ok, message }) => [
    step,
    durationText(durationMs),
    ok ? "ok" : html`<strong>failed</strong>${message === undefined ? "" : `: ${message}`}`,
  ]);
  return html`<details class="card" id="update-${attempt}">
<summary>${badge(outcome)} <span><strong>${app}</strong> to ${commit(update.commit)}, ${moment(update.finishedAt, updateAgeMs(view, update))}, took ${durationText(tookMs(update))}</span></summary>
${failure === undefined ? "" : html`<p class="failure">${failure.message}${failure.hint === undefined ? "" : html` <em>${failure.hint}</em>`}</p>`}
${rows.length === 0 ? html`<p>Its steps are no longer in the journal.</p>` : table("Steps", ["Step", "Took", "Result"], rows, "rows")}
</details>`;
}

/** The steps were measured by the monotonic clock; the two moments may lie across a jump of the other. */
function tookMs({ steps, startedAt, finishedAt }: UpdateRecord): number {
  if (steps.length === 0) return finishedAt - startedAt;
  return steps.reduce((sum, { durationMs }) => sum + durationMs, 0);
}

export function eventsSection(view: PageView): Html {
  const { events = [] } = view.status;
  const rows = events.map((entry) => [
    moment(entry.at, entryAgeMs(view, entry)),
    entry.app ?? "device",
    sentenceOf(entry),
  ]);
  const body = rows.length === 0 ? html`<p>None yet.</p>` : table("Newest first", heads, rows);
  return html`<section aria-labelledby="events"><h2 id="events">Last events</h2>${body}</section>`;
}

const heads = ["When", "About", "What"];

/** An entry's body is what this agent, or another version of it, wrote: any field may be missing. */
export function sentenceOf({ kind, body }: JournalEntry): string {
  const text = (key: string): string | undefined => {
    const value = body[key];
    return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
  };
  const detail = details[kind]?.map((key) => text(key)).filter((part) => part !== undefined);
  const name = text("reason") ?? words[kind] ?? kind.replace(".", " ");
  return [[name, ...(detail ?? [])].join(" "), text("message")]
    .filter((part) => part !== undefined)
    .join(": ");
}

const words: Readonly<Partial<Record<EntryKind, string>>> = {
  "agent.started": "agent started, version",
  "desired.received": "desired state received, generation",
  "update.finished": "update ended,",
};

const details: Readonly<Partial<Record<EntryKind, string[]>>> = {
  "agent.started": ["version"],
  "desired.received": ["generation"],
  "update.finished": ["outcome"],
  "step.started": ["step"],
  "step.finished": ["step"],
};
