// Says for a directory of Compose files which of them load, and why the others do not; a value that is
// not given is a warning, for the files are judged and not their values.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { parseArgs } from "node:util";
import { loadCompose } from "#shared/compose/load.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";

interface FileResult {
  /** Relative to the directory. */
  file: string;
  ok: boolean;
  code?: string;
  key?: string;
  line?: number;
  message?: string;
  warnings: string[];
}

interface Options {
  directory: string;
  json: boolean;
  values: Record<string, string>;
}

const usage = "npm run corpus -- DIR [--json] [--set NAME=VALUE]...";

/** @throws FleetError request_invalid */
function readOptions(args: string[]): Options {
  const { values, positionals } = parsed(args);
  const [directory, ...more] = positionals;
  if (directory === undefined || more.length > 0) throw badUsage("exactly one directory is wanted");
  const pairs = (values.set ?? []).map(
    (pair) => /^([A-Za-z_][A-Za-z0-9_]*)=([\s\S]*)$/.exec(pair) ?? badPair(pair),
  );
  const set = Object.fromEntries(pairs.map(([, name, value]) => [name, value]));
  return { directory, json: values.json ?? false, values: set };
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: "boolean" }, set: { type: "string", multiple: true } },
    });
  } catch (cause) {
    throw badUsage(cause instanceof Error ? cause.message : String(cause));
  }
}

function badPair(pair: string): never {
  throw badUsage(`--set wants NAME=VALUE, but is "${pair}"`);
}

function badUsage(message: string): FleetError {
  return new FleetError("request_invalid", { message, hint: usage });
}

/** @throws FleetError not_found when it is no directory that can be read */
function composeFiles(directory: string): string[] {
  try {
    if (!statSync(directory).isDirectory()) throw new Error("it is not a directory");
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
      .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
      .toSorted();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${directory} cannot be read as a directory: ${reason}`;
    throw new FleetError("not_found", { message, cause });
  }
}

function tryFile(file: string, { directory, values }: Options): FileResult {
  const path = join(directory, file);
  try {
    const text = readFileSync(path, "utf8");
    const readText = (name: string) => readBeside(dirname(path), name);
    const { warnings } = loadCompose({ file, text, values, readText, unsetIsWarning: true });
    return { file, ok: true, warnings };
  } catch (error) {
    const { code, where, message } = asFleetError(error);
    const place = where === undefined ? {} : { key: where.key, line: where.line };
    return { file, ok: false, code, ...defined(place), message, warnings: [] };
  }
}

function defined({ key, line }: { key?: string | undefined; line?: number | undefined }) {
  return { ...(key === undefined ? {} : { key }), ...(line === undefined ? {} : { line }) };
}

/** A release holds nothing outside its directory. */
function readBeside(directory: string, name: string): string | undefined {
  const path = resolve(directory, name);
  if (!path.startsWith(resolve(directory) + sep)) return undefined;
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function describe(result: FileResult): string {
  if (result.ok)
    return [`ok      ${result.file}`, ...result.warnings.map((text) => `          ${text}`)].join(
      "\n",
    );
  const { file, line, key, message } = result;
  const place = [line === undefined ? file : `${file}:${line}`, key, message];
  return `refused ${place.filter((part) => part !== undefined).join(": ")}`;
}

function main(args: string[]): void {
  const options = readOptions(args);
  const results = composeFiles(options.directory).map((file) => tryFile(file, options));
  const loaded = results.filter(({ ok }) => ok).length;
  const summary = { files: results.length, loaded, refused: results.length - loaded };
  const lines = options.json
    ? [JSON.stringify({ ...summary, results })]
    : [
        ...results.map(describe),
        `${summary.files} files: ${loaded} loaded, ${summary.refused} refused`,
      ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  const { message, hint } = asFleetError(error);
  process.stderr.write(`${message}\n${hint === undefined ? "" : `${hint}\n`}`);
  process.exitCode = 2;
}
