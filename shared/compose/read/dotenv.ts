// Reads an env_file as Compose does: quotes, comments, `export`, and variables of the file itself.
import { interpolate } from "#shared/compose/interpolate.ts";
import { FleetError } from "#shared/errors.ts";

type Values = Readonly<Record<string, string>>;

export interface EnvFile {
  /** In the file's order; a name without `=` that has no value in `values` is absent. */
  entries: [name: string, value: string][];
  /** Variables that were not set, with the line that named them. */
  unset: { name: string; line: number }[];
}

interface Assignment {
  name: string;
  /** Absent: taken from `values`. */
  raw?: string;
  /** Single quotes and the raw format keep `$` as it is. */
  literal: boolean;
  line: number;
}

/** A line of an env_file that cannot be read; the caller knows the file's name. */
export class EnvFileError extends Error {
  override readonly name = "EnvFileError";
  readonly line: number;

  constructor(message: string, line: number, cause?: unknown) {
    super(message, { cause });
    this.line = line;
  }
}

/** @param format `raw`: everything after `=` is the value
 *  @throws EnvFileError
 *  @see Compose specification, "env_file" */
export function parseEnvFile(text: string, values: Values, format?: "raw"): EnvFile {
  const known: Record<string, string> = {};
  const entries: EnvFile["entries"] = [];
  const unset: EnvFile["unset"] = [];
  for (const assignment of assignments(text, format === "raw")) {
    // Values of the fleet win over earlier lines, as the shell's environment does in Compose.
    const resolved = resolve(assignment, { ...known, ...values }, unset);
    if (resolved === undefined) continue;
    known[assignment.name] = resolved;
    entries.push([assignment.name, resolved]);
  }
  return { entries, unset };
}

function resolve(
  { name, raw, literal, line }: Assignment,
  values: Values,
  unset: EnvFile["unset"],
): string | undefined {
  if (raw === undefined) return Object.hasOwn(values, name) ? values[name] : undefined;
  if (literal) return raw;
  try {
    const result = interpolate(raw, values);
    for (const missing of result.unset) unset.push({ name: missing, line });
    return result.text;
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    throw new EnvFileError(error.message, line, error);
  }
}

function assignments(text: string, raw: boolean): Assignment[] {
  const lines = text
    .replace(/^\uFEFF/, "")
    .replaceAll("\r\n", "\n")
    .split("\n");
  const found: Assignment[] = [];
  for (let at = 0; at < lines.length; at += 1) {
    const first = (lines[at] ?? "").trimStart();
    if (first === "" || first.startsWith("#")) continue;
    const { name, rest } = splitName(first, at + 1);
    if (rest === undefined) found.push({ name, literal: true, line: at + 1 });
    else if (raw) found.push({ name, raw: rest, literal: true, line: at + 1 });
    else {
      const value = readValue([rest, ...lines.slice(at + 1)], at + 1);
      found.push({ name, raw: value.raw, literal: value.literal, line: at + 1 });
      at += value.extraLines;
    }
  }
  return found;
}

function splitName(line: string, lineNumber: number): { name: string; rest: string | undefined } {
  const match = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*(?:[=:](.*))?$/.exec(line);
  if (match === null) {
    throw new EnvFileError(`"${line.slice(0, 24)}" is not of the form NAME=value`, lineNumber);
  }
  return { name: match[1] ?? "", rest: match[2] };
}

function readValue(
  lines: string[],
  line: number,
): { raw: string; literal: boolean; extraLines: number } {
  const first = (lines[0] ?? "").trimStart();
  const quote = first.charAt(0);
  if (quote !== "'" && quote !== '"') {
    return { raw: first.replace(/(^|\s+)#.*$/, "").trimEnd(), literal: false, extraLines: 0 };
  }
  const body = [first.slice(1), ...lines.slice(1)].join("\n");
  const end = closingQuote(body, quote);
  if (end === -1) throw new EnvFileError("a quote is not closed", line);
  const inside = body.slice(0, end);
  const literal = quote === "'";
  return {
    raw: literal ? inside : unescaped(inside),
    literal,
    extraLines: inside.split("\n").length - 1,
  };
}

function closingQuote(body: string, quote: string): number {
  for (let at = 0; at < body.length; at += 1) {
    if (quote === '"' && body.charAt(at) === "\\") at += 1;
    else if (body.charAt(at) === quote) return at;
  }
  return -1;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", $: "$$" };

/** An escaped dollar sign becomes `$$`, which interpolation turns into a plain one. */
function unescaped(text: string): string {
  return text.replace(/\\([\s\S])/g, (_whole, char: string) => escapes[char] ?? char);
}
