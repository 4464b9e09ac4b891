// Fills a JSONPath template with a value.
import type { Comparison, Literal, Part, Path, Step, Test } from "./template.ts";

/** Text of the template; what leads nowhere is empty, several results are parted by a space. Pure.
 *  @param whole as JSON could hold it */
export function fillTemplate(parts: readonly Part[], whole: unknown, here = whole): string {
  return parts.map((part) => fillPart(part, whole, here)).join("");
}

function fillPart(part: Part, whole: unknown, here: unknown): string {
  switch (part.kind) {
    case "text":
      return part.text;
    case "path":
      return resultsOf(part.path, whole, here).map(textOf).join(" ");
    case "range":
      return resultsOf(part.path, whole, here)
        .map((item) => fillTemplate(part.body, whole, item))
        .join("");
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function resultsOf({ begin, steps }: Path, whole: unknown, here: unknown): unknown[] {
  const first = begin === "whole" ? whole : here;
  return steps.reduce<unknown[]>(
    (values, step) => values.flatMap((value) => advance(value, step, whole)),
    [first],
  );
}

function advance(value: unknown, step: Step, whole: unknown): unknown[] {
  switch (step.kind) {
    case "key":
      return isObject(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case "all":
      return childrenOf(value);
    case "index":
      return Array.isArray(value) ? [value.at(step.at)].filter((item) => item !== undefined) : [];
    case "slice":
      return Array.isArray(value) ? value.slice(step.from, step.to) : [];
    case "filter":
      return childrenOf(value).filter((item) => holds(step.test, whole, item));
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

function holds({ left, comparison }: Test, whole: unknown, item: unknown): boolean {
  const found = resultsOf(left, whole, item);
  if (comparison === undefined) return found.length > 0;
  const { operator, right } = comparison;
  const wanted = "literal" in right ? [right.literal] : resultsOf(right, whole, item);
  if (operator === "!=" && (found.length === 0 || wanted.length === 0)) return true;
  return found.some((one) => wanted.some((other) => compares(one, operator, other)));
}

function compares(one: unknown, operator: Comparison, other: unknown): boolean {
  if (operator === "==") return one === other;
  if (operator === "!=") return one !== other;
  if (!isOrdered(one) || !isOrdered(other) || typeof one !== typeof other) return false;
  switch (operator) {
    case "<":
      return one < other;
    case "<=":
      return one <= other;
    case ">":
      return one > other;
    case ">=":
      return one >= other;
  }
}

function isOrdered(value: unknown): value is Exclude<Literal, boolean | null> {
  return typeof value === "string" || typeof value === "number";
}
