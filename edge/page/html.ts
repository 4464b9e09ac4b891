// Small parts that the page is made of: badges, times, sizes, tables.
import { html } from "hono/html";

export type Html = ReturnType<typeof html>;

/** How a status looks; the word beside it says the same. */
export type Tone = "good" | "busy" | "warn" | "bad" | "none";

const tones: Readonly<Record<string, Tone>> = {
  Synced: "good",
  Healthy: "good",
  succeeded: "good",
  Progressing: "busy",
  OutOfSync: "warn",
  superseded: "none",
  refused: "bad",
  rolledBack: "bad",
  failed: "bad",
  Degraded: "bad",
  Missing: "bad",
  Warning: "warn",
};

export function badge(word: string, tone: Tone = tones[word] ?? "none"): Html {
  return html`<span class="badge ${tone}">${word}</span>`;
}

const units: [limitMs: number, unitMs: number, unit: string][] = [
  [90_000, 1000, "s"],
  [90 * 60_000, 60_000, "min"],
  [36 * 3_600_000, 3_600_000, "h"],
  [Number.POSITIVE_INFINITY, 86_400_000, "days"],
];

/** "12 s", "5 min", "3 h", "2 days"; below ten seconds with a tenth. Pure. */
export function durationText(durationMs: number): string {
  const known = Math.max(0, durationMs);
  if (known < 9950) return `${(known / 1000).toFixed(1)} s`;
  const [, unitMs, unit] = units.find(([limitMs]) => known < limitMs) ?? [0, 86_400_000, "days"];
  return `${Math.round(known / unitMs)} ${unit}`;
}

/** Whole seconds are enough for an age. Pure. */
export function ageText(ageMs: number): string {
  if (ageMs < 9950) return `${Math.max(0, Math.round(ageMs / 1000))} s ago`;
  return `${durationText(ageMs)} ago`;
}

/** A moment by its age, where that is known for sure, with the clock's reading in the title.
 *  @param ageMs undefined: only the device's clock tells, which may have been wrong */
export function moment(at: number, ageMs: number | undefined): Html {
  const exact = new Date(at).toISOString();
  const clock = exact.slice(0, 16).replace("T", " ");
  const text = ageMs === undefined ? `${clock} UTC` : ageText(ageMs);
  return html`<time datetime="${exact}" title="${clock} UTC by the device’s clock">${text}</time>`;
}

export function commit(id: string): Html {
  return html`<code title="${id}">${id.slice(0, 12)}</code>`;
}

const sizes = ["B", "kB", "MB", "GB", "TB"];

/** Pure. */
export function bytesText(bytes: number): string {
  const power = Math.min(sizes.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const value = bytes / 1000 ** power;
  return `${value >= 10 || power === 0 ? Math.round(value) : value.toFixed(1)} ${sizes[power]}`;
}

type Cell = Html | string | number;

/** Each row becomes a card on a narrow screen, where every cell names its column; the roles keep it a
 *  table for screen readers even then. The first cell of a row is its head.
 *  @param shape `rows` for short cells, which fit side by side everywhere */
export function table(
  caption: string,
  columns: readonly string[],
  rows: readonly Cell[][],
  shape: "cards" | "rows" = "cards",
): Html {
  const heads = columns.map((name) => html`<th scope="col" role="columnheader">${name}</th>`);
  const cell = (content: Cell, at: number): Html =>
    at === 0
      ? html`<th scope="row" role="rowheader">${content}</th>`
      : html`<td role="cell" data-name="${columns[at] ?? ""}">${content}</td>`;
  return html`<table role="table" class="${shape}"><caption>${caption}</caption>
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">${rows.map((cells) => html`<tr role="row">${cells.map(cell)}</tr>`)}</tbody></table>`;
}
