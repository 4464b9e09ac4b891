// Substitutes variables in a text by the Compose specification: `$A`, `${A}`, defaults, demands, nesting.
import { FleetError } from "#shared/errors.ts";
import { settingHint } from "./problems.ts";

export interface Interpolated {
  text: string;
  /** Variables that are not set and have no default; each was taken as empty. */
  unset: string[];
}

type Values = Readonly<Record<string, string>>;

interface Variable {
  name: string;
  /** Default, demand, replacement; none for a plain variable. */
  operator: "-" | "?" | "+" | "none";
  /** Written with a colon: an empty value counts as not set. */
  wantsText: boolean;
  argument: Part[];
}

type Part = string | Variable;

/** Pure.
 *  @throws FleetError variable_missing for `${A:?reason}`, compose_invalid for a `$` that starts no
 *  variable; neither has a place yet
 *  @see Compose specification, "Interpolation" */
export function interpolate(text: string, values: Values): Interpolated {
  if (!text.includes("$")) return { text, unset: [] };
  const unset = new Set<string>();
  const result = render(parseTemplate(text), values, unset);
  return { text: result, unset: [...unset] };
}

interface Reader {
  text: string;
  at: number;
}

function parseTemplate(text: string): Part[] {
  return parseParts({ text, at: 0 }, false);
}

/** @param inBraces stop at the brace that closes the default; braces inside it must be in pairs */
function parseParts(reader: Reader, inBraces: boolean): Part[] {
  const parts: Part[] = [];
  let open = 0;
  while (reader.at < reader.text.length) {
    const char = reader.text.charAt(reader.at);
    if (char === "$") {
      parts.push(parseDollar(reader));
      continue;
    }
    if (inBraces && char === "}" && open === 0) return parts;
    if (inBraces && char === "{") open += 1;
    if (inBraces && char === "}") open -= 1;
    parts.push(char);
    reader.at += 1;
  }
  if (inBraces) throw malformed(reader.text, "has no closing brace");
  return parts;
}

function parseDollar(reader: Reader): Part {
  const rest = reader.text.slice(reader.at);
  if (rest.startsWith("$$")) {
    reader.at += 2;
    return "$";
  }
  const named = /^\$([A-Za-z_][A-Za-z0-9_]*)/.exec(rest);
  if (named !== null) {
    reader.at += named[0].length;
    return { name: named[1] ?? "", operator: "none", wantsText: false, argument: [] };
  }
  return parseBraces(reader, rest);
}

function parseBraces(reader: Reader, rest: string): Part {
  const head = /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?)([-?+])|(?=\}))/.exec(rest);
  if (head === null) throw malformed(rest, "is not a variable");
  reader.at += head[0].length;
  const argument = parseParts(reader, true);
  reader.at += 1;
  const operator = (head[3] ?? "none") as Variable["operator"];
  return { name: head[1] ?? "", operator, wantsText: head[2] === ":", argument };
}

function malformed(text: string, what: string): FleetError {
  const excerpt = text.length > 24 ? `${text.slice(0, 24)}…` : text;
  return new FleetError("compose_invalid", {
    message: `"${excerpt}" ${what}`,
    hint: "Write $" + "{NAME}, or $$ for a plain dollar sign.",
  });
}

function render(parts: Part[], values: Values, unset: Set<string>): string {
  return parts
    .map((part) => (typeof part === "string" ? part : renderVariable(part, values, unset)))
    .join("");
}

function renderVariable(variable: Variable, values: Values, unset: Set<string>): string {
  const { name, operator, wantsText, argument } = variable;
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  const isGiven = value !== undefined && !(wantsText && value === "");
  // The argument is evaluated only where it is used: what it names may then be missing.
  switch (operator) {
    case "-":
      return isGiven ? value : render(argument, values, unset);
    case "+":
      return isGiven ? render(argument, values, unset) : "";
    case "?":
      if (!isGiven) throw missing(name, value, render(argument, values, unset));
      return value;
    case "none":
      if (!isGiven) unset.add(name);
      return value ?? "";
  }
}

function missing(name: string, value: string | undefined, reason: string): FleetError {
  const state = value === undefined ? "is not set" : "is empty";
  return new FleetError("variable_missing", {
    message: `${name} ${state}${reason === "" ? "" : `: ${reason}`}`,
    subject: name,
    hint: settingHint(name),
  });
}
