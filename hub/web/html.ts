// Small parts that every page is made of: times, commits, labels.
import { html } from "hono/html";
import type { Labels } from "#shared/ids.ts";

export type Html = ReturnType<typeof html>;

const steps: [limitMs: number, unitMs: number, unit: string][] = [
  [90_000, 1000, "s"],
  [90 * 60_000, 60_000, "min"],
  [36 * 3_600_000, 3_600_000, "h"],
  [Number.POSITIVE_INFINITY, 86_400_000, "d"],
];

/** "12 s", "5 min", "3 h", "2 d". Pure. */
export function durationText(durationMs: number): string {
  const known = Math.max(0, durationMs);
  const [, unitMs, unit] = steps.find(([limitMs]) => known < limitMs) ?? [0, 86_400_000, "d"];
  return `${Math.round(known / unitMs)} ${unit}`;
}

/** A step's duration, exact below ten seconds. */
export function exactDuration(durationMs: number): string {
  if (durationMs < 1000) return `${Math.round(durationMs)} ms`;
  return durationMs < 10_000 ? `${(durationMs / 1000).toFixed(1)} s` : durationText(durationMs);
}

/** A moment as "12 s ago" with the exact time beside it, as of when the page was read. */
export function ago(at: number | null, now: number): Html {
  if (at === null) return html`<span class="muted">never</span>`;
  const exact = new Date(at).toISOString();
  return html`<time datetime="${exact}" title="${exact}">${durationText(now - at)} ago</time>`;
}

/** Seven characters, the whole in the title. */
export function commit(id: string, branch?: string): Html {
  const from =
    branch === undefined
      ? ""
      : html` <span class="muted branch" title="${branch}">${branch}</span>`;
  return html`<span class="commit"><code title="${id}">${id.slice(0, 7)}</code>${from}</span>`;
}

export function labelList(labels: Labels): Html {
  const entries = Object.entries(labels);
  if (entries.length === 0) return html``;
  const items = entries.map(
    ([key, value]) =>
      html`<li><a class="label" href="${labelHref(key, value)}">${key}=${value}</a></li>`,
  );
  return html`<ul class="labels" aria-label="Labels">${items}</ul>`;
}

export function labelHref(key: string, value: string): string {
  return `/?${new URLSearchParams({ labelSelector: `${key}=${value}` }).toString()}`;
}

const sizes = ["B", "kB", "MB", "GB", "TB"];

export function bytesText(bytes: number): string {
  const power = Math.min(sizes.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value >= 10 ? Math.round(value) : value.toFixed(1)} ${sizes[power]}`;
}

export function plural(count: number, one: string): string {
  return `${count} ${one}${count === 1 ? "" : "s"}`;
}

/** With a full stop, whether or not whoever said it gave one. */
export function sentence(text: string): string {
  return `${text.trim().replace(/\.$/, "")}.`;
}

/** A name in a table: its column is as wide as the name, up to a bound above which the name breaks. */
export function word(text: string): Html {
  return html`<span class="word">${text}</span>`;
}

/** Column heads, with the roles that a table keeps when a narrow screen shows it as blocks. */
export function heads(...names: string[]): Html[] {
  return names.map((name) => html`<th scope="col" role="columnheader">${name}</th>`);
}
