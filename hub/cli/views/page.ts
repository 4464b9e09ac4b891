// A page of headings and named lines, as `describe` prints it.

import type { Tone } from "#hub/cli/terminal/colour.ts";
import { type Column, createTable } from "#hub/cli/terminal/table.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { printable, wrap } from "#hub/cli/terminal/text.ts";

export interface Page {
  heading(text: string): void;
  /** Left out when there is nothing to say. */
  line(name: string, text: string | undefined, tone?: Tone): void;
  sentence(text: string, tone?: Tone): void;
  table<T>(columns: readonly Column<T>[], rows: readonly T[]): void;
}

const nameWidth = 16;
const indent = "  ";

export function createPage(terminal: Pick<Terminal, "out" | "paint" | "width">): Page {
  const { out, paint, width } = terminal;
  const inner = width === undefined ? undefined : width - indent.length;
  const folded = (text: string, cells: number | undefined): string[] =>
    cells === undefined ? [printable(text)] : wrap(printable(text), Math.max(20, cells));
  return {
    heading: (text) => out(`\n${paint(printable(text), "bold")}`),
    line: (name, text, tone) => {
      if (text === undefined || text === "") return;
      const cells = width === undefined ? undefined : width - nameWidth;
      const [first = "", ...others] = folded(text, cells);
      out(`${`${name}:`.padEnd(nameWidth)}${paint(first, tone)}`);
      for (const other of others) out(" ".repeat(nameWidth) + paint(other, tone));
    },
    sentence: (text, tone) => {
      for (const line of folded(text, inner)) out(indent + paint(line, tone));
    },
    table: (columns, rows) => {
      for (const line of createTable(columns, { width: inner, paint }).lines(rows)) {
        out(indent + line);
      }
    },
  };
}
