// Tables: aligned columns that fit the terminal's width, and whole in a pipe.
import type { Paint, Tone } from "./colour.ts";
import { fit, pad, printable, widthOf } from "./text.ts";

export interface Column<T> {
  title: string;
  text(row: T): string;
  tone?(row: T): Tone | undefined;
  /** Stands only in `-o wide`. */
  isWide?: true;
  /** May be cut to this many cells before other columns are; for sentences. */
  atLeast?: number;
}

export interface Table<T> {
  /** Lines of these rows. Later rows keep the widths of the first ones where they can. */
  lines(rows: readonly T[], options?: { header?: boolean }): string[];
}

const gap = 2;
/** No column is cut below this, whatever the width. */
const narrowest = 4;

/** @param options.width undefined: nothing is cut */
export function createTable<T>(
  columns: readonly Column<T>[],
  options: { width: number | undefined; paint: Paint },
): Table<T> {
  const { width, paint } = options;
  const natural = columns.map(({ title }) => widthOf(title));
  return {
    lines: (rows, { header = true } = {}) => {
      const cells = rows.map((row) => columns.map((column) => printable(column.text(row)) || "-"));
      for (const line of cells) {
        line.forEach((text, at) => {
          natural[at] = Math.max(natural[at] ?? 0, widthOf(text));
        });
      }
      const widths = fitted(natural, columns, width);
      const line = (texts: readonly string[], toneAt: (at: number) => Tone | undefined): string =>
        texts.map((text, at) => cell(text, at, widths, paint, toneAt(at))).join("");
      const titles = columns.map(({ title }) => title);
      const head = header ? [line(titles, () => "bold")] : [];
      const body = rows.map((row, index) =>
        line(cells[index] ?? [], (at) => columns[at]?.tone?.(row)),
      );
      return [...head, ...body];
    },
  };
}

function cell(
  text: string,
  at: number,
  widths: readonly number[],
  paint: Paint,
  tone: Tone | undefined,
): string {
  const cells = widths[at] ?? 0;
  if (cells === 0) return "";
  const shown = fit(text, cells);
  if (at === widths.findLastIndex((width) => width > 0)) return paint(shown, tone);
  return paint(shown, tone) + " ".repeat(widthOf(pad(shown, cells)) - widthOf(shown) + gap);
}

/** Widths that fit: sentences give way first, then the widest column, then the last ones go. Pure. */
export function fitted(
  natural: readonly number[],
  columns: readonly { atLeast?: number }[],
  width: number | undefined,
): number[] {
  const widths = [...natural];
  if (width === undefined) return widths;
  const excess = (): number => {
    const shown = widths.filter((cells) => cells > 0);
    return shown.reduce((sum, cells) => sum + cells, 0) + gap * (shown.length - 1) - width;
  };
  const shrink = (at: number, least: number): void => {
    widths[at] = Math.max(least, (widths[at] ?? 0) - Math.max(0, excess()));
  };
  columns.forEach(({ atLeast }, at) => {
    if (atLeast !== undefined) shrink(at, Math.min(atLeast, natural[at] ?? 0));
  });
  const byWidth = widths.map((_, at) => at).sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
  for (const at of byWidth.filter((one) => one > 0)) {
    shrink(at, Math.min(narrowest * 3, widths[at] ?? 0));
  }
  for (let at = widths.length - 1; at > 0 && excess() > 0; at -= 1) widths[at] = 0;
  if (excess() > 0) widths[0] = Math.max(narrowest, width);
  return widths;
}
