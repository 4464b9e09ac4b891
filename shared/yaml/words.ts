// Says in plain words what a schema has against a value; pure.
import type { z } from "zod";

type Issue = z.core.$ZodIssue;
type RawIssue = z.core.$ZodRawIssue;

/** Zod's error map: speaks where the schema has no words of its own.
 *  @see https://zod.dev/error-customization, "Error precedence" */
export function words(issue: RawIssue): string {
  switch (issue.code) {
    case "unrecognized_keys":
      return "is not a key that is known here";
    case "invalid_key":
      return issue.issues[0]?.message ?? "is not a name that is allowed here";
    case "invalid_type":
      return mismatch([issue.expected], issue.input);
    case "invalid_value":
      return `must be ${issue.values.join(" or ")}`;
    case "invalid_union":
      return mismatch(wantedTypes(issue.errors) ?? [], issue.input);
    case "invalid_format":
      return `must ${issue.format === "regex" ? `match ${issue.pattern}` : `be a valid ${issue.format}`}`;
    case "too_small":
      return bound(issue.origin, issue.minimum, issue.inclusive ? "at least" : "more than");
    case "too_big":
      return bound(issue.origin, issue.maximum, issue.inclusive ? "at most" : "less than");
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    default:
      return "is not valid";
  }
}

/** The types of a union's forms when the value has none of them; undefined when it has the type of one. */
export function wantedTypes(forms: readonly (readonly Issue[])[]): string[] | undefined {
  const types = forms.flatMap(([first]) =>
    first?.code === "invalid_type" && first.path.length === 0 ? [first.expected] : [],
  );
  return types.length === forms.length ? types : undefined;
}

function mismatch(wanted: readonly string[], value: unknown): string {
  if (wanted.length === 0) return "has none of the forms that are known here";
  const must = `must be ${[...new Set(wanted.map(typeName))].join(" or ")}`;
  const isNumber = typeof value === "number" && wanted.some((type) => type in numbers);
  return isNumber ? must : `${must}, but is ${nameOf(value)}`;
}

/** The value itself may be a secret. */
function nameOf(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (typeof value === "boolean") return String(value);
  return typeName(Array.isArray(value) ? "array" : typeof value);
}

const numbers: Readonly<Record<string, string>> = {
  number: "a number",
  int: "a whole number",
  integer: "a whole number",
};

const typeNames: Readonly<Record<string, string>> = {
  ...numbers,
  array: "a list",
  object: "a map",
  record: "a map",
  string: "a text",
  boolean: "true or false",
  null: "empty",
};

/** A type of JSON or of a schema as a person calls it. */
export function typeName(type: string): string {
  return typeNames[type] ?? type;
}

const counted: Readonly<Record<string, string>> = { string: "characters", array: "items" };

function bound(origin: string, limit: number | bigint, than: string): string {
  const unit = counted[origin];
  if (unit === undefined) return `must be ${than} ${limit}`;
  return than === "at least" && limit === 1
    ? "must not be empty"
    : `must have ${than} ${limit} ${unit}`;
}
