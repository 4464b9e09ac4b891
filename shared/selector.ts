// Label selectors in Kubernetes' grammar, as text and as match terms.
import { z } from "zod";
import { FleetError } from "./errors.ts";
import { LabelKey, type Labels, LabelValue } from "./ids.ts";

const term =
  /^\s*(?:(!)\s*(\S+)|(\S+?)\s+(in|notin)\s*\(([^()]*)\)|([^\s=!]+)\s*(==|=|!=)\s*(\S*)|(\S+))\s*$/;

export type Requirement =
  | { key: string; operator: "in" | "notin"; values: string[] }
  | { key: string; operator: "exists" | "absent" };

/** All requirements must hold; none means "every device". */
export type Selector = Requirement[];

/** Parses `site in (a, b), role=player, !retired`.
 *  @throws FleetError request_invalid with the offending term
 *  @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/ */
export function parseSelector(text: string): Selector {
  if (text.trim() === "") return [];
  return splitTerms(text).map(parseTerm);
}

/** Commas outside parentheses separate terms. */
function splitTerms(text: string): string[] {
  return text.split(/,(?![^(]*\))/);
}

function parseTerm(text: string): Requirement {
  const match = term.exec(text);
  if (match === null) throw refused(text);
  const [, , absent, setKey, setOperator, list, key, operator, value, exists] = match;
  if (absent !== undefined) return checked(text, { key: absent, operator: "absent" });
  if (exists !== undefined) return checked(text, { key: exists, operator: "exists" });
  if (setKey !== undefined && list !== undefined) {
    const values = list.split(",").map((item) => item.trim());
    return checked(text, { key: setKey, operator: setOperator === "in" ? "in" : "notin", values });
  }
  if (key === undefined || value === undefined) throw refused(text);
  return checked(text, { key, operator: operator === "!=" ? "notin" : "in", values: [value] });
}

function checked(text: string, requirement: Requirement): Requirement {
  const values = "values" in requirement ? requirement.values : [];
  const ok =
    LabelKey.safeParse(requirement.key).success &&
    values.every((value) => LabelValue.safeParse(value).success);
  if (!ok) throw refused(text);
  return requirement;
}

function refused(text: string): FleetError {
  return new FleetError("request_invalid", {
    message: `"${text.trim()}" is not a label selector term`,
    hint: "Write key=value, key!=value, key in (a, b), key notin (a, b), key or !key.",
  });
}

/** Whether the labels satisfy every requirement. A missing key satisfies `notin`, as in Kubernetes. */
export function matches(selector: Selector, labels: Labels): boolean {
  return selector.every((requirement) => holds(requirement, labelOf(labels, requirement.key)));
}

/** Every object has a `constructor`, which is no label. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function holds(requirement: Requirement, value: string | undefined): boolean {
  switch (requirement.operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && requirement.values.includes(value);
    case "notin":
      return value === undefined || !requirement.values.includes(value);
  }
}

/** A selector as it stands in a file: text, or a map of labels that must all be equal. */
export const SelectorText = z.union([z.string(), z.record(LabelKey, LabelValue)]);
export type SelectorText = z.infer<typeof SelectorText>;

/** @throws FleetError request_invalid */
export function selectorOf(text: SelectorText): Selector {
  if (typeof text === "string") return parseSelector(text);
  return Object.entries(text).map(([key, value]) => ({ key, operator: "in", values: [value] }));
}
