// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import { composeSchema } from "#shared/compose/check/schema.ts";
import { createProblems } from "#shared/compose/problems.ts";
import { substitute, typedKeys } from "#shared/compose/read/substitute.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose substitution");

function run(tree: unknown, values: Record<string, string>) {
  const problems = createProblems((path) => ({ file: "f", key: path.join(".") }));
  return { tree: substitute(tree, values, problems), problems };
}

test("interpolates values at any depth and no key", () => {
  const { tree } = run(
    { services: { $A: { command: ["$A", 1, null, { k: "${A}" }] } } },
    { A: "a" },
  );
  assert.deepEqual(tree, { services: { $A: { command: ["a", 1, null, { k: "a" }] } } });
});

test("leaves extension fields alone, but reads x-fleet and keys of the user", () => {
  const { tree } = run(
    {
      "x-a": "$A",
      services: { s: { "x-b": "$A", "x-fleet": { command: "$A" }, labels: { "x-c": "$A" } } },
    },
    { A: "a" },
  );
  assert.deepEqual(tree, {
    "x-a": "$A",
    services: { s: { "x-b": "$A", "x-fleet": { command: "a" }, labels: { "x-c": "a" } } },
  });
});

test("makes an interpolated text a boolean or number where nothing else is allowed", () => {
  const service = {
    depends_on: { db: { required: "$NO" } },
    networks: { n: { priority: "$TEN" } },
    scale: "$TEN",
  };
  const { tree } = run({ services: { s: service } }, { NO: "false", TEN: "10" });
  assert.deepEqual(tree, {
    services: {
      s: {
        depends_on: { db: { required: false } },
        networks: { n: { priority: 10 } },
        scale: "10",
      },
    },
  });
});

test("knows every place where the schema allows a number or boolean but no text", () => {
  assert.deepEqual(typedPlaces(composeSchema, []).toSorted(), [...typedKeys].toSorted());
});

/** Walks the schema's properties; `*` stands for names that the user chooses. */
function typedPlaces(node: unknown, path: string[]): string[] {
  if (typeof node !== "object" || node === null) return [];
  const { $ref, type, properties, patternProperties, oneOf, items } = node as Record<string, never>;
  if ($ref !== undefined)
    return typedPlaces(composeSchema.definitions[String($ref).slice(14) as never], path);
  const types = [type ?? []].flat() as string[];
  const isTyped = types.some((name) => ["number", "integer", "boolean"].includes(name));
  const alternatives = ((oneOf ?? []) as { type?: string }[]).flatMap((branch) =>
    typedPlaces(branch, path),
  );
  const own = isTyped && !types.includes("string") ? [path.join(".")] : [];
  const named = Object.entries((properties ?? {}) as object).flatMap(([key, child]) =>
    typedPlaces(child, [...path, key]),
  );
  const chosen = Object.entries((patternProperties ?? {}) as object)
    .filter(([pattern]) => pattern !== "^x-")
    .flatMap(([, child]) => typedPlaces(child, [...path, "*"]));
  const listed = items === undefined ? [] : typedPlaces(items, [...path, "*"]);
  const hasText = ((oneOf ?? []) as { type?: string }[]).some((branch) => branch.type === "string");
  const ownPath = path.join(".");
  return [
    ...new Set([
      ...own,
      ...alternatives.filter((place) => !(hasText && place === ownPath)),
      ...named,
      ...chosen,
      ...listed,
    ]),
  ];
}
