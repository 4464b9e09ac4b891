// Prints things of one kind in the form that was asked for: a list once, or changes as they come.
import { fillTemplate } from "#hub/cli/jsonpath/evaluate.ts";
import type { Resource, TimeView } from "#hub/cli/resources/resource.ts";
import { createTable } from "#hub/cli/terminal/table.ts";
import type { Terminal } from "#hub/cli/terminal/terminal.ts";
import { printableLines } from "#hub/cli/terminal/text.ts";
import { jsonLine, type Output, printStructured } from "./output.ts";
import { withTimes } from "./times.ts";

export interface Printer<T> {
  /** @param isOne prints the thing itself instead of a list of it */
  list(rows: readonly T[], isOne?: boolean): Promise<void>;
  /** Rows that follow a list: one line each, or one document. */
  more(rows: readonly T[]): Promise<void>;
}

export function createPrinter<T>(options: {
  terminal: Terminal;
  output: Output;
  resource: Resource<T>;
  now: () => number;
  headers: boolean;
}): Printer<T> {
  const { terminal, output, resource, now, headers } = options;
  const table = lazyTable(options);
  let hasHeader = !headers;

  const printTable = (rows: readonly T[]): void => {
    const lines = table(now()).lines(rows, { header: !hasHeader });
    hasHeader = true;
    if (lines.length > 0) terminal.out(lines.join("\n"));
  };
  const printNames = (rows: readonly T[]): void => {
    for (const row of rows) terminal.out(`${resource.kind}/${resource.nameOf(row)}`);
  };
  return {
    list: async (rows, isOne = false) => {
      const value = isOne ? rows[0] : { items: rows };
      if (await printStructured(terminal, output, value)) return;
      if (output.kind === "name") printNames(rows);
      else if (rows.length > 0) printTable(rows);
      else terminal.say(`No ${resource.kind}s found.`);
    },
    more: async (rows) => {
      switch (output.kind) {
        case "json":
          for (const row of rows) terminal.out(jsonLine(row));
          return;
        case "jsonpath":
          for (const row of rows) terminal.out(filled(terminal, output, row));
          return;
        case "yaml":
          for (const row of rows) {
            terminal.out("---");
            await printStructured(terminal, output, row);
          }
          return;
        case "name":
          return printNames(rows);
        case "table":
        case "wide":
          if (rows.length > 0) printTable(rows);
      }
    },
  };
}

function filled(
  terminal: Terminal,
  { parts }: Extract<Output, { kind: "jsonpath" }>,
  row: unknown,
): string {
  const text = fillTemplate(parts, withTimes(row)).replace(/\n$/, "");
  return terminal.isInteractive ? printableLines(text) : text;
}

/** The table keeps its widths over later rows; only the time that ages are measured from moves on. */
function lazyTable<T>({
  terminal,
  output,
  resource,
}: {
  terminal: Terminal;
  output: Output;
  resource: Resource<T>;
}) {
  const isWide = output.kind === "wide";
  const view: TimeView = { now: 0, times: isWide ? "rfc3339" : "age" };
  const columns = resource.columns(view).filter((column) => isWide || column.isWide !== true);
  const table = createTable(columns, { width: terminal.width, paint: terminal.paint });
  return (now: number) => {
    view.now = now;
    return table;
  };
}
