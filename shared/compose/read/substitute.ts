// Interpolates every value of a Compose file and reports what is not set under its key.
import { interpolate } from "#shared/compose/interpolate.ts";
import type { Problems } from "#shared/compose/problems.ts";
import { FleetError } from "#shared/errors.ts";
import type { Path } from "#shared/yaml/nodes.ts";

type Values = Readonly<Record<string, string>>;

/** Where the schema takes a number or a boolean but no text, an interpolated text becomes one. */
export const typedKeys = [
  "services.*.depends_on.*.required",
  "services.*.networks.*.priority",
  "services.*.networks.*.gw_priority",
  "services.*.use_api_socket",
  "models.*.context_size",
] as const;

/** The same tree with its texts interpolated; keys are left as they are, as Compose leaves them. */
export function substitute(tree: unknown, values: Values, problems: Problems): unknown {
  const walk = (value: unknown, path: Path): unknown => {
    if (isUnread(path)) return value;
    if (typeof value === "string") return substituteText(value, path, values, problems);
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]),
    );
  };
  return walk(tree, []);
}

/** Extension fields are read by nobody but through their anchors, so nothing in them can be missing. */
function isUnread(path: Path): boolean {
  const last = path.at(-1);
  if (typeof last !== "string" || !last.startsWith("x-")) return false;
  return path.length === 1 || (path.length === 3 && last !== "x-fleet");
}

function substituteText(text: string, path: Path, values: Values, problems: Problems): unknown {
  if (!text.includes("$")) return text;
  try {
    const result = interpolate(text, values);
    for (const name of result.unset) problems.noteUnset(path, name);
    return typed(result.text, path);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    const code = error.code === "variable_missing" ? error.code : "compose_invalid";
    problems.report(path, {
      code,
      message: error.message,
      hint: error.hint,
      subject: error.subject,
    });
    return text;
  }
}

function typed(text: string, path: Path): string | number | boolean {
  if (!typedKeys.some((pattern) => fits(pattern.split("."), path))) return text;
  if (text === "true" || text === "false") return text === "true";
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}

function fits(pattern: string[], path: Path): boolean {
  return (
    pattern.length === path.length && pattern.every((part, at) => part === "*" || part === path[at])
  );
}
