// The environment and labels of a service, merged from their files and their own keys.
import { type EnvFile, EnvFileError, parseEnvFile } from "#shared/compose/read/dotenv.ts";
import type { Where } from "#shared/errors.ts";
import {
  allEntries,
  at,
  type Field,
  fail,
  flag,
  isList,
  isMap,
  items,
  rawText,
  sorted,
  splitOnce,
  text,
  textMap,
  warn,
} from "./field.ts";
import { tidyPath } from "./paths.ts";

type Entries = [string, string][];

/** `env_file` in order, then `environment`; a name without a value is taken from the values.
 *  @see Compose specification, "env_file" and "environment" */
export function normaliseEnvironment(service: Field): Record<string, string> {
  const files = items(at(service, "env_file")).flatMap((item) => envFile(item));
  return sorted([...files, ...ownEnvironment(at(service, "environment"))]);
}

/** `label_file` in order, then `labels`. */
export function normaliseLabels(service: Field): Record<string, string> {
  const files = items(at(service, "label_file")).flatMap((item) =>
    readEntries(item, text(item) ?? ""),
  );
  return sorted([...files, ...Object.entries(textMap(at(service, "labels")))]);
}

export function ownEnvironment(field: Field): Entries {
  const pairs = isList(field)
    ? items(field).map((item) => splitOnce(rawText(item) ?? "", "="))
    : allEntries(field).map(([name, entry]) => [name, rawText(entry)] as const);
  return pairs.flatMap(([name, value]): Entries => {
    const known = value ?? inherited(field, name);
    return known === undefined ? [] : [[name, known]];
  });
}

function inherited(field: Field, name: string): string | undefined {
  const { values } = field.context;
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function envFile(item: Field): Entries {
  if (!isMap(item)) return readEntries(item, text(item) ?? "");
  const format = text(at(item, "format"));
  if (format !== undefined && format !== "raw") {
    fail(at(item, "format"), `must be raw, but is "${format}"`);
    return [];
  }
  const path = text(at(item, "path")) ?? "";
  return readEntries(item, path, { format, required: flag(at(item, "required")) ?? true });
}

interface FileOptions {
  format?: "raw" | undefined;
  required?: boolean;
}

function readEntries(item: Field, path: string, options: FileOptions = {}): Entries {
  const file = tidyPath(path);
  const content = item.context.readText(file);
  if (content !== undefined) return parseEntries(item, file, content, options.format);
  if (options.required === false) return [];
  fail(item, `the file ${file} is not part of the release`, {
    hint: "Add it beside compose.yaml, or write required: false.",
  });
  return [];
}

function parseEntries(item: Field, file: string, content: string, format?: "raw"): Entries {
  const where = (line: number): Where => ({ file: beside(item.context.file, file), line });
  try {
    const parsed: EnvFile = parseEnvFile(content, item.context.values, format);
    for (const { name, line } of parsed.unset) {
      warn(item, `the variable ${name} in ${file}:${line} is not set and is taken as empty`);
    }
    return parsed.entries;
  } catch (error) {
    if (!(error instanceof EnvFileError)) throw error;
    item.context.problems.reportAt(where(error.line), { message: error.message });
    return [];
  }
}

/** The path that a person opens: next to the Compose file. */
function beside(composeFile: string, file: string): string {
  const directory = composeFile.slice(0, composeFile.lastIndexOf("/") + 1);
  return `${directory}${file}`;
}
