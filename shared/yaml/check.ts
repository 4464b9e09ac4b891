// Reads a file of the fleet by its schema; whatever is wrong is named by file, line, key and reason.
import type { z } from "zod";
import { FleetError, type Where } from "#shared/errors.ts";
import { byPlace, withOthers } from "./faults.ts";
import type { Path } from "./nodes.ts";
import { readYaml, type WrittenNumber, type YamlFile, type YamlSource } from "./read.ts";
import { wantedTypes, words } from "./words.ts";

type Issue = z.core.$ZodIssue;

interface Fault {
  where: Where;
  message: string;
}

/** An empty file is an empty map. Under a key `values` numbers are text.
 *  @throws FleetError of the source's code, of the first fault by line */
export function checkYaml<S extends z.ZodType>(
  schema: S,
  source: Omit<YamlSource, "readNumber">,
): YamlFile<z.output<S>> {
  const yaml = readYaml({ ...source, readNumber: valuesAsWritten });
  const parsed = schema.safeParse(yaml.value ?? {}, { error: words });
  if (parsed.success) return { value: parsed.data, locate: yaml.locate };
  const [first, ...more] = parsed.error.issues
    .map((issue) => faultOf(innermost(issue), yaml))
    .toSorted(byPlace);
  const {
    code,
    file,
    hint = "Correct the key, or see the documentation of the fleet repository.",
  } = source;
  throw new FleetError(code, {
    message: withOthers(first?.message ?? "is not valid", more.length),
    where: first?.where ?? { file },
    hint,
    cause: parsed.error,
  });
}

/** `1.10` and `007` are text to a container's environment: what stands in the file is what it gets. */
function valuesAsWritten({ value, text, keys }: WrittenNumber): string | number {
  return keys.at(-2) === "values" ? text : value;
}

/** Of a union, the form that came closest: a person meant one of those of the value's type. */
function innermost(issue: Issue): Issue {
  if (issue.code !== "invalid_union" || wantedTypes(issue.errors) !== undefined) return issue;
  const forms = issue.errors.filter((form) => form.length > 0 && wantedTypes([form]) === undefined);
  const [closest] = forms.toSorted((a, b) => a.length - b.length)[0] ?? [];
  if (closest === undefined) return issue;
  return innermost({ ...closest, path: [...issue.path, ...closest.path] });
}

function faultOf(issue: Issue, { value, locate }: YamlFile): Fault {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code === "unrecognized_keys") {
    return { where: locate([...path, issue.keys[0] ?? ""]), message: issue.message };
  }
  // A rule that a schema adds may well speak of a key that is absent.
  const isMissing = issue.code !== "custom" && valueAt(value ?? {}, path) === undefined;
  return { where: locate(path), message: isMissing ? "is missing" : issue.message };
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((found, part) => {
    if (typeof found !== "object" || found === null) return undefined;
    return (found as Record<string | number, unknown>)[part];
  }, value);
}
