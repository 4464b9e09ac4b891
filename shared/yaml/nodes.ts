// Finds the way through a YAML document: through its anchors, its merge keys, and to the place of a key.
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from "yaml";

/** Keys and indices from the top of the file. */
export type Path = readonly (string | number)[];

/** `services.web.ports.0`, as Compose itself writes it. */
export function dotted(path: Path): string {
  return path.join(".");
}

/** What a person should look at: the key of a map's entry, or the item of a list; the nearest place above
 *  where the document does not have the path. */
export function placeOf(document: Document, path: Path): Node | null {
  let place = document.contents as Node | null;
  let node: unknown = place;
  for (const part of path) {
    const step = stepInto(document, node, part);
    if (step === undefined) break;
    place = step.place ?? place;
    node = step.node;
  }
  return place;
}

interface Step {
  place: Node | null;
  node: unknown;
}

function stepInto(document: Document, from: unknown, part: string | number): Step | undefined {
  const node = resolved(document, from);
  if (isSeq(node)) {
    const item = node.items[Number(part)];
    return item === undefined ? undefined : { place: item as Node, node: item };
  }
  return isMap(node) ? stepIntoMap(document, node.items, String(part)) : undefined;
}

function stepIntoMap(document: Document, pairs: Pair[], key: string): Step | undefined {
  const pair = pairs.find((item) => keyText(item) === key);
  if (pair !== undefined) return { place: pair.key as Node, node: pair.value };
  for (const merged of pairs.filter((item) => keyText(item) === "<<")) {
    for (const source of mergeSources(document, merged)) {
      const step = stepInto(document, source, key);
      if (step !== undefined) return step;
    }
  }
  return undefined;
}

/** What an entry `<<` merges: one map, or each of a list. */
export function mergeSources(document: Document, pair: Pair): unknown[] {
  const value = resolved(document, pair.value);
  const sources = isSeq(value) ? value.items : [value];
  return sources.map((item) => resolved(document, item));
}

function resolved(document: Document, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

export function keyText(pair: Pair): string {
  if (!isScalar(pair.key)) return "";
  return pair.key.source ?? String(pair.key.value);
}
