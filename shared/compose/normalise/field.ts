// A value of the file with its place: reads typed values and reports what is none.

import { byCodeUnit } from "#shared/canonical.ts";
import type { Problem, Problems } from "#shared/compose/problems.ts";
import { parseBytes, parseDurationMs } from "#shared/compose/read/units.ts";
import { shellWords } from "#shared/compose/read/words.ts";
import type { Path } from "#shared/yaml/nodes.ts";

/** What every normaliser may need beside the value. */
export interface LoadContext {
  file: string;
  values: Readonly<Record<string, string>>;
  readText(path: string): string | undefined;
  problems: Problems;
}

/** The tree passed the schema, so a field's shape is one of those that the schema allows there. */
export interface Field {
  readonly value: unknown;
  readonly path: Path;
  readonly context: LoadContext;
}

export function at(field: Field, ...keys: string[]): Field {
  let { value } = field;
  for (const key of keys) value = member(value, key);
  return { value, path: [...field.path, ...keys], context: field.context };
}

function member(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

export function isSet(field: Field): boolean {
  return field.value !== undefined && field.value !== null;
}

export function isMap(field: Field): boolean {
  return typeof field.value === "object" && field.value !== null && !Array.isArray(field.value);
}

export function isList(field: Field): boolean {
  return Array.isArray(field.value);
}

/** Items of a list; a single value counts as a list of one. */
export function items(field: Field): Field[] {
  if (!isSet(field)) return [];
  const list: unknown[] = Array.isArray(field.value) ? field.value : [field.value];
  const isOne = !Array.isArray(field.value);
  return list.map((value, index) =>
    isOne ? field : { ...field, value, path: [...field.path, index] },
  );
}

/** Entries of a map without its extension fields. */
export function entries(field: Field): [string, Field][] {
  return allEntries(field).filter(([key]) => !key.startsWith("x-"));
}

/** Entries of a map whose keys are the user's own, such as labels. */
export function allEntries(field: Field): [string, Field][] {
  if (!isMap(field)) return [];
  return Object.keys(field.value as object).map((key) => [key, at(field, key)]);
}

export function fail(field: Field, message: string, more: Omit<Problem, "message"> = {}): void {
  field.context.problems.report(field.path, { message, ...more });
}

export function warn(field: Field, message: string): void {
  field.context.problems.warn(field.path, message);
}

/** Absent when not set or empty: an unset variable leaves the Engine's default. */
export function text(field: Field): string | undefined {
  return rawText(field) === "" ? undefined : rawText(field);
}

/** The scalar's text, also when it is empty; undefined when it is not set. */
export function rawText(field: Field): string | undefined {
  return isSet(field) ? String(field.value) : undefined;
}

export function texts(field: Field): string[] {
  return items(field).flatMap((item) => text(item) ?? []);
}

function parsed<T>(
  field: Field,
  wanted: string,
  parse: (text: string) => T | undefined,
): T | undefined {
  if (!isSet(field)) return undefined;
  const result = parse(String(field.value).trim());
  if (result === undefined) fail(field, `must be ${wanted}, but is "${String(field.value)}"`);
  return result;
}

export function integer(field: Field, min = Number.MIN_SAFE_INTEGER): number | undefined {
  const wanted = min === 0 ? "a whole number of at least 0" : "a whole number";
  return parsed(field, wanted, (given) =>
    /^[-+]?\d+$/.test(given) && Number(given) >= min ? Number(given) : undefined,
  );
}

export function decimal(field: Field): number | undefined {
  return parsed(field, "a number of at least 0", (given) =>
    /^\+?(\d+\.?\d*|\.\d+)$/.test(given) ? Number(given) : undefined,
  );
}

export function flag(field: Field): boolean | undefined {
  return parsed(field, "true or false", (given) => {
    if (/^(true|yes|on|y|1)$/i.test(given)) return true;
    return /^(false|no|off|n|0)$/i.test(given) ? false : undefined;
  });
}

export function durationMs(field: Field): number | undefined {
  return parsed(field, "a duration such as 10s or 1m30s", parseDurationMs);
}

export function bytes(field: Field): number | undefined {
  return parsed(field, "a size such as 64m or 1g", parseBytes);
}

/** A file mode: a number is taken as it is, a text as octal digits. */
export function fileMode(field: Field): number | undefined {
  if (typeof field.value === "number") return integer(field, 0);
  return parsed(field, "a file mode such as 0440", (given) =>
    /^(0o)?[0-7]+$/.test(given) ? Number.parseInt(given.replace("0o", ""), 8) : undefined,
  );
}

/** A list as it is, a text as shell words; an empty one clears what the image has. */
export function command(field: Field): string[] | undefined {
  if (!isSet(field)) return undefined;
  if (isList(field)) return items(field).map((item) => rawText(item) ?? "");
  return parsed(field, "a command whose quotes are closed", shellWords);
}

/** A map, or a list of `key=value`; a key alone stands for the empty text. */
export function textMap(field: Field): Record<string, string> {
  const pairs = isList(field)
    ? texts(field).map((item) => splitOnce(item, "="))
    : allEntries(field).map(([key, entry]): [string, string] => [key, rawText(entry) ?? ""]);
  return sorted(pairs.map(([key, value]) => [key, value ?? ""]));
}

export function splitOnce(given: string, separator: string): [string, string | undefined] {
  const index = given.indexOf(separator);
  return index === -1
    ? [given, undefined]
    : [given.slice(0, index), given.slice(index + separator.length)];
}

/** A record with its keys in one order, so that equal content is equal; the last of equal keys wins. */
export function sorted<T>(pairs: readonly (readonly [string, T])[]): Record<string, T> {
  const record = Object.fromEntries(pairs);
  return Object.fromEntries(Object.entries<T>(record).toSorted(([a], [b]) => byCodeUnit(a, b)));
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** The same object without the keys whose value is undefined: optional means absent. */
export function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Present<T>;
}
