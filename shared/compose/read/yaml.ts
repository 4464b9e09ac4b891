// Reads YAML into plain values and finds again where a key stood, through anchors and merge keys.
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Scalar,
  visit,
  type YAMLError,
  type YAMLMap,
} from "yaml";
import { dotted, type Path } from "#shared/compose/problems.ts";
import { FleetError, type Where } from "#shared/errors.ts";

/** More aliases than this in one file are an attack on memory, not a configuration. */
const aliasLimit = 1000;

export interface YamlFile {
  /** Anchors and merge keys are resolved. */
  value: unknown;
  /** The nearest place that is known for a path, even where the path leads beyond the file. */
  locate(path: Path): Where;
}

interface Source {
  file: string;
  text: string;
  document: Document;
  lines: LineCounter;
}

/** @throws FleetError compose_invalid with file, line and column */
export function readYaml(file: string, text: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const source = { file, text, document, lines };
  refuseBrokenYaml(source);
  refuseBrokenReferences(source);
  mendNumbers(document);
  return { value: plainValue(source), locate: (path) => locate(source, path) };
}

function refuseBrokenYaml(source: Source): void {
  const { errors, warnings } = source.document;
  // An unknown tag is only a warning to the parser, but it changes what the file means.
  const tags = warnings.filter((warning) => warning.code === "TAG_RESOLVE_FAILED");
  const [first, ...more] = [...errors, ...tags].toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (first === undefined) return;
  const message = describe(first, source.text);
  throw invalid(
    source,
    first.pos[0],
    more.length === 0 ? message : `${message} (and ${more.length} more in this file)`,
  );
}

function describe(error: YAMLError, text: string): string {
  if (error.code === "DUPLICATE_KEY") {
    const key = /^[^:\n]*/.exec(text.slice(error.pos[0]))?.[0].trim() ?? "";
    return `the key ${key} stands twice in the same map`;
  }
  if (error.code === "MULTIPLE_DOCS") return "only one YAML document is allowed in a file";
  return error.message.charAt(0).toLowerCase() + error.message.slice(1);
}

function invalid({ file, lines }: Source, offset: number, message: string): FleetError {
  const { line, col } = lines.linePos(offset);
  return new FleetError("compose_invalid", {
    message,
    where: { file, line: Math.max(line, 1), column: Math.max(col, 1) },
    hint: "Correct the YAML.",
  });
}

function refuseBrokenReferences(source: Source): void {
  const { document } = source;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      const message = `no anchor &${alias.source} stands above this alias`;
      throw invalid(source, alias.range?.[0] ?? 0, message);
    },
    Pair: (_key, pair) => {
      if (keyText(pair) !== "<<" || mergeSources(document, pair).every(isMap)) return;
      throw invalid(source, (pair.key as Node).range?.[0] ?? 0, "only maps can be merged with <<");
    },
  });
}

function mergeSources(document: Document, pair: Pair): unknown[] {
  const value = resolved(document, pair.value);
  const sources = isSeq(value) ? value.items : [value];
  return sources.map((item) => resolved(document, item));
}

function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

/** Compose reads numbers as Go's YAML does: a leading zero is octal (file modes), and an integer too
 *  large for a double keeps its digits. */
function mendNumbers(document: Document): void {
  visit(document, {
    Scalar: (_key, scalar: Scalar) => {
      const { value, source } = scalar;
      if (typeof value !== "number" || source === undefined) return;
      if (/^[-+]?0[0-7]+$/.test(source)) scalar.value = Number.parseInt(source, 8);
      else if (Number.isInteger(value) && !Number.isSafeInteger(value)) scalar.value = source;
    },
  });
}

function plainValue(source: Source): unknown {
  try {
    return source.document.toJS({ maxAliasCount: aliasLimit });
  } catch (cause) {
    if (!(cause instanceof ReferenceError)) throw cause;
    throw new FleetError("compose_invalid", {
      message: `its anchors cannot be resolved: ${cause.message}`,
      where: { file: source.file, line: 1, column: 1 },
      hint: "Use fewer aliases.",
      cause,
    });
  }
}

function locate({ file, document, lines }: Source, path: Path): Where {
  let place = document.contents as Node | null;
  let node: unknown = place;
  for (const part of path) {
    const step = stepInto(document, node, part);
    if (step === undefined) break;
    place = step.place ?? place;
    node = step.node;
  }
  const { line, col } = lines.linePos(place?.range?.[0] ?? 0);
  const key = path.length === 0 ? {} : { key: dotted(path) };
  return { file, line: Math.max(line, 1), column: Math.max(col, 1), ...key };
}

interface Step {
  /** What a person should look at: the key of a map's entry, or the item of a list. */
  place: Node | null;
  node: unknown;
}

function stepInto(document: Document, from: unknown, part: string | number): Step | undefined {
  const node = resolved(document, from);
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    return item === undefined ? undefined : { place: item as Node, node: item };
  }
  return isMap(node) ? stepIntoMap(document, node, String(part)) : undefined;
}

function stepIntoMap(document: Document, map: YAMLMap, key: string): Step | undefined {
  const pair = map.items.find((item) => keyText(item) === key);
  if (pair !== undefined) return { place: pair.key as Node, node: pair.value };
  for (const merged of map.items.filter((item) => keyText(item) === "<<")) {
    for (const source of mergeSources(document, merged)) {
      const step = stepInto(document, source, key);
      if (step !== undefined) return step;
    }
  }
  return undefined;
}

function keyText(pair: Pair): string {
  if (!isScalar(pair.key)) return "";
  return pair.key.source ?? String(pair.key.value);
}
