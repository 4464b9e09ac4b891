// Reads CSV as RFC 4180 has it, with the line on which each record begins; pure.
import { FleetError } from "#shared/errors.ts";

interface CsvRecord {
  cells: string[];
  /** From 1; a quoted field may span lines. */
  line: number;
}

/** Empty lines are left aside. A separator other than the comma is none.
 *  @throws FleetError request_invalid for a quote that is not closed or stands in the middle of a field */
export function readCsv(content: string, file: string): CsvRecord[] {
  const text = content.replace(/^\uFEFF/, "");
  const records: CsvRecord[] = [];
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const record = readRecord(text, at, line, file);
    if (record.cells.length > 1 || record.cells[0] !== "") {
      records.push({ cells: record.cells, line });
    }
    ({ at, line } = record);
  }
  return records;
}

interface Read {
  at: number;
  line: number;
}

function readRecord(text: string, from: number, line: number, file: string) {
  const cells: string[] = [];
  let place: Read = { at: from, line };
  for (;;) {
    const cell =
      text[place.at] === '"' ? readQuoted(text, place, file) : readPlain(text, place, file);
    cells.push(cell.value);
    place = cell;
    if (text[place.at] !== ",") break;
    place = { ...place, at: place.at + 1 };
  }
  const end = /\r?\n/y;
  end.lastIndex = place.at;
  const isEnd = end.test(text);
  return { cells, at: isEnd ? end.lastIndex : text.length, line: place.line + (isEnd ? 1 : 0) };
}

function readPlain(text: string, { at, line }: Read, file: string) {
  const plain = /[^,\r\n]*/y;
  plain.lastIndex = at;
  const value = plain.exec(text)?.[0] ?? "";
  if (value.includes('"')) throw fault("has a quote in the middle of a field", file, line);
  return { value, at: at + value.length, line };
}

function readQuoted(text: string, { at, line }: Read, file: string) {
  const quoted = /"((?:[^"]|"")*)"/y;
  quoted.lastIndex = at;
  const [whole, inner = ""] = quoted.exec(text) ?? [];
  const after = whole === undefined ? undefined : (text[at + whole.length] ?? "\n");
  if (whole === undefined || after === undefined) {
    throw fault("has a quote that is not closed", file, line);
  }
  if (!",\r\n".includes(after)) throw fault("goes on after a closing quote", file, line);
  const lines = inner.split("\n").length - 1;
  return { value: inner.replaceAll('""', '"'), at: at + whole.length, line: line + lines };
}

function fault(message: string, file: string, line: number): FleetError {
  return new FleetError("request_invalid", {
    message,
    where: { file, line },
    hint: "Correct the file; nothing was imported.",
  });
}
