// Says in plain words what a schema has against a value; pure.
import type { z } from "zod";

export type Path = readonly (string | number)[];

interface Fault {
  path: Path;
  message: string;
}

type Issue = z.core.$ZodIssue;

/** @param has whether the file has the key at all: a missing one reads otherwise than a wrong one */
export function explain(issue: Issue, has: (path: Path) => boolean): Fault {
  const path = plainPath(issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return { path: [...path, issue.keys[0] ?? ""], message: "is not a key that is known here" };
    case "invalid_key":
      return { path, message: issue.issues[0]?.message ?? "is not a name that is allowed here" };
    case "invalid_union":
      return explainUnion(path, issue, has);
    case "invalid_type":
      return { path, message: has(path) ? `must be ${article(issue.expected)}` : "is missing" };
    case "invalid_value":
      return { path, message: has(path) ? `must be ${issue.values.join(" or ")}` : "is missing" };
    case "invalid_element":
    case "invalid_format":
    case "not_multiple_of":
    case "too_big":
    case "too_small":
    case "custom":
      return { path, message: lowerFirst(issue.message) };
  }
}

/** A scalar that fits no form: name the forms. A map: explain the form that fits it best. */
function explainUnion(
  path: Path,
  issue: z.core.$ZodIssueInvalidUnion,
  has: (path: Path) => boolean,
): Fault {
  const forms = issue.errors;
  const types = forms.flatMap(([first]) =>
    first?.code === "invalid_type" && first.path.length === 0 ? [first.expected] : [],
  );
  if (types.length === forms.length) {
    return {
      path,
      message: has(path) ? `must be ${types.map(article).join(" or ")}` : "is missing",
    };
  }
  const [best] = forms.toSorted((a, b) => a.length - b.length);
  const [inner] = best ?? [];
  if (inner === undefined) return { path, message: lowerFirst(issue.message) };
  return explain({ ...inner, path: [...issue.path, ...inner.path] } as Issue, has);
}

const articles: Readonly<Record<string, string>> = {
  array: "a list",
  object: "a map",
  record: "a map",
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

function article(type: string): string {
  return articles[type] ?? type;
}

function plainPath(path: readonly PropertyKey[]): (string | number)[] {
  return path.map((part) => (typeof part === "number" ? part : String(part)));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
