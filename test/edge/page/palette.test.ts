import * as assert from "node:assert/strict";
import { loadAssets } from "#edge/page/assets.ts";
import { suite } from "#test/suite.ts";

const test = suite("palette");
const style = loadAssets().find(({ path }) => path === "/style.css")?.content ?? "";
const [lightBlock = "", darkBlock = ""] = [...style.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, block = ""]) => block,
);

function coloursOf(block: string): Map<string, string> {
  const pairs = [...block.matchAll(/--([\w-]+): #([0-9a-f]{6});/g)];
  return new Map(pairs.map(([, name = "", colour = ""]) => [name, colour]));
}

/** @see WCAG 2.2, "relative luminance" */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [0, 2, 4].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [high = 0, low = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
}

const texts: [text: string, ground: string][] = [
  ...["text", "muted", "accent"].flatMap((name): [string, string][] => [
    [name, "ground"],
    [name, "surface"],
  ]),
  ...["good", "busy", "warn", "bad", "none"].map((name): [string, string] => [
    name,
    `${name}-ground`,
  ]),
  ["accent-text", "accent"],
  ["alarm-text", "alarm"],
];
/** Borders of fields, focus rings, the disk's parts: 3:1 against what lies beside them. */
const shapes: [shape: string, ground: string][] = [
  ["line-strong", "surface"],
  ["line-strong", "ground"],
  ["accent", "ground"],
  ["accent", "none-ground"],
  ["warn", "none-ground"],
];

for (const [scheme, block] of [
  ["light", lightBlock],
  ["dark", darkBlock],
] as const) {
  test(`${scheme}: text has 4.5:1 and shapes have 3:1 against their ground`, () => {
    const colours = coloursOf(block);
    const ratio = (one: string, other: string): number =>
      contrast(colours.get(one) ?? assert.fail(one), colours.get(other) ?? assert.fail(other));
    for (const [one, other] of texts) assert.ok(ratio(one, other) >= 4.5, `${one} on ${other}`);
    for (const [one, other] of shapes) assert.ok(ratio(one, other) >= 3, `${one} on ${other}`);
  });
}

test("both schemes define the same colours, and no rule names one by itself", () => {
  assert.deepEqual([...coloursOf(lightBlock).keys()], [...coloursOf(darkBlock).keys()]);
  const rules = style.replaceAll(/:root \{[^}]*\}/g, "");
  assert.doesNotMatch(rules, /#[0-9a-f]{3,8}\b(?=[;,\s)])/i);
});
