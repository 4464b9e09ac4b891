// Parses a YAML file against a schema; whatever is wrong is named with its line, field and reason.
import type { z } from "zod";
import { readYaml, type YamlFile } from "#shared/compose/read/yaml.ts";
import { asFleetError, type ErrorCode, FleetError, type Where } from "#shared/errors.ts";

type Issue = z.core.$ZodIssue;

export interface YamlSource {
  /** Path as messages name it. */
  file: string;
  text: string;
  /** Of the error that is thrown. */
  code: Extract<ErrorCode, "config_invalid" | "role_invalid">;
  hint?: string;
}

/** @throws FleetError of the source's code with file, line and key */
export function parseYaml<S extends z.ZodType>(schema: S, source: YamlSource): z.output<S> {
  const yaml = read(source);
  const parsed = schema.safeParse(yaml.value ?? {});
  if (parsed.success) return parsed.data;
  const [first, ...more] = parsed.error.issues.map((issue) => faultOf(innermost(issue), yaml));
  const rest = more.length === 0 ? "" : ` (and ${more.length} more in this file)`;
  throw refused(source, first?.where, `${first?.message ?? "is not valid"}${rest}`, parsed.error);
}

/** Where a key stands in a YAML text.
 *  @param path keys and indices from the top */
export function placeInYaml(source: YamlSource, path: readonly (string | number)[]): Where {
  return read(source).locate(path);
}

function read(source: YamlSource): YamlFile {
  try {
    return readYaml(source.file, source.text);
  } catch (error) {
    const { where, message } = asFleetError(error);
    throw refused(source, where, message, error);
  }
}

function refused(
  source: YamlSource,
  where: Where | undefined,
  message: string,
  cause: unknown,
): FleetError {
  const { file, code, hint } = source;
  return new FleetError(code, {
    message,
    where: where ?? { file },
    subject: file,
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Of a union, the branch that came closest: a person meant one of them. */
function innermost(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const branches = issue.errors.filter((branch) => branch.length > 0);
  const closest = branches.toSorted((a, b) => a.length - b.length)[0]?.[0];
  if (closest === undefined) return issue;
  return innermost({ ...closest, path: [...issue.path, ...closest.path] });
}

function faultOf(issue: Issue, yaml: YamlFile): { where: Where; message: string } {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] ?? "";
    return { where: yaml.locate([...path, key]), message: "is not a known field" };
  }
  return { where: yaml.locate(path), message: reasonOf(issue, valueAt(yaml.value, path)) };
}

function reasonOf(issue: Issue, value: unknown): string {
  if (value === undefined && issue.code === "invalid_type") return "is missing";
  return issue.message
    .replace(/^Invalid (input|option|string): /, "")
    .replace(/^expected/, "must be")
    .replace(", received ", ", not ");
}

function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  let found = value;
  for (const step of path) {
    if (typeof found !== "object" || found === null) return undefined;
    found = (found as Record<string | number, unknown>)[step];
  }
  return found;
}
