// Turns a schema validator's errors into the one sentence per place that a person needs.
import type { ErrorObject } from "ajv";
import type { Problems } from "#shared/compose/problems.ts";
import type { Path } from "#shared/yaml/nodes.ts";
import { typeName } from "#shared/yaml/words.ts";

interface Violation {
  path: Path;
  keyword: string;
  params: Record<string, unknown>;
}

/** Reports what the schema refuses. A `oneOf` names the mismatch of each of its forms; kept is the
 *  complaint of the form that was meant, or all forms in one sentence where none was. */
export function explainErrors(
  errors: readonly ErrorObject[],
  tree: unknown,
  problems: Problems,
): void {
  const violations = errors.map((error) => violationOf(error, tree));
  for (const violation of onePerPlace(withoutBranchNoise(violations))) {
    const { path, message, hint } = sentenceOf(violation, tree);
    problems.report(path, { message, hint });
  }
}

function violationOf({ instancePath, keyword, params }: ErrorObject, tree: unknown): Violation {
  let value = tree;
  const path = instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((part) => {
      const step = Array.isArray(value) ? Number(part) : part;
      value = (value as Record<string, unknown>)[part];
      return step;
    });
  return { path, keyword, params };
}

function withoutBranchNoise(violations: Violation[]): Violation[] {
  return violations.filter(({ keyword }) => keyword === "oneOf").reduce(settleChoice, violations);
}

function settleChoice(violations: Violation[], choice: Violation): Violation[] {
  const here = (other: Violation): boolean => samePath(other.path, choice.path);
  const isMismatch = (other: Violation): boolean => here(other) && other.keyword === "type";
  const inside = violations.filter(
    (other) => isWithin(other.path, choice.path) && other !== choice,
  );
  const others = violations.filter((other) => other !== choice && !isMismatch(other));
  if (inside.some((other) => !isMismatch(other))) return others;
  const types = inside.flatMap(({ params }) => params["type"]);
  return types.length === 0
    ? violations
    : [...others, { ...choice, keyword: "type", params: { type: types } }];
}

/** Of several complaints about one place the first is enough, but each unknown key counts. */
function onePerPlace(violations: Violation[]): Violation[] {
  const first = new Map<string, Violation>();
  for (const violation of violations) {
    const place = JSON.stringify([...violation.path, violation.params["additionalProperty"]]);
    if (!first.has(place)) first.set(place, violation);
  }
  return [...first.values()];
}

function samePath(a: Path, b: Path): boolean {
  return a.length === b.length && isWithin(a, b);
}

function isWithin(inner: Path, outer: Path): boolean {
  return inner.length >= outer.length && outer.every((part, at) => part === inner[at]);
}

interface Sentence {
  path: Path;
  message: string;
  hint?: string;
}

function sentenceOf({ path, keyword, params }: Violation, tree: unknown): Sentence {
  switch (keyword) {
    case "type":
      return typeSentence(path, [params["type"]].flat(2).map(String), tree);
    case "additionalProperties":
      return unknownKey(path, String(params["additionalProperty"]));
    case "required":
      return { path, message: `needs the key ${String(params["missingProperty"])}` };
    case "enum":
      return { path, message: `must be one of ${[params["allowedValues"]].flat().join(", ")}` };
    case "pattern":
      return { path, message: `must have the form ${String(params["pattern"])}` };
    case "uniqueItems":
      return { path, message: `items ${String(params["i"])} and ${String(params["j"])} are equal` };
    case "minimum":
    case "maximum":
      return {
        path,
        message: `must be ${String(params["comparison"])} ${String(params["limit"])}`,
      };
    default:
      return { path, message: `has a form that Compose does not allow (${keyword})` };
  }
}

function typeSentence(path: Path, types: string[], tree: unknown): Sentence {
  const value = path.reduce<unknown>((node, part) => (node as Record<string, unknown>)[part], tree);
  const wanted = [...new Set(types)].filter((type) => type !== "null" || types.length === 1);
  const message = `must be ${wanted.map(typeName).join(" or ")}, but is ${nameOf(value)}`;
  const quotable =
    (typeof value === "number" || typeof value === "boolean") && types.includes("string");
  return { path, message, ...(quotable ? { hint: `Put it in quotes: "${value}".` } : {}) };
}

function nameOf(value: unknown): string {
  if (value === null || value === undefined) return "empty";
  if (typeof value === "number" || typeof value === "boolean")
    return `the ${typeof value} ${value}`;
  return typeName(Array.isArray(value) ? "array" : typeof value);
}

function unknownKey(path: Path, key: string): Sentence {
  if (path.length === 0) {
    const hint = "Services stand under the key services.";
    return { path: [key], message: "is not a top-level key of Compose", hint };
  }
  return {
    path: [...path, key],
    message: "is not a key that Compose knows here",
    hint: "Check its spelling and its indentation.",
  };
}
