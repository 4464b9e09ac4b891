// Paths as a release knows them: relative ones are kept relative, a home directory is made absolute.
import { type Field, warn } from "./field.ts";

/** A host path: absolute, or relative and then beginning with `./` or `../`. */
export function hostPath(given: string, field: Field): string {
  const path = given.startsWith("~") ? home(given, field) : given;
  return path.startsWith("/") ? tidyPath(path) : dotted(tidyPath(path));
}

function home(given: string, field: Field): string {
  const directory = field.context.values["HOME"] ?? "/root";
  warn(field, `~ is taken as ${directory}: a device has no user of its own`);
  return `${directory}${given.slice(1)}`;
}

function dotted(path: string): string {
  if (path === ".") return "./";
  return path === ".." || path.startsWith("../") ? path : `./${path}`;
}

/** Without `.` and `..` inside, doubled and closing slashes. `.` is the release itself. */
export function tidyPath(path: string): string {
  const absolute = path.startsWith("/");
  const kept: string[] = [];
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") kept.push(part);
    else if (kept.length > 0 && kept.at(-1) !== "..") kept.pop();
    else if (!absolute) kept.push(part);
  }
  if (absolute) return `/${kept.join("/")}`;
  return kept.length === 0 ? "." : kept.join("/");
}
