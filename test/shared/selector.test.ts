import * as assert from "node:assert/strict";
import { matches, parseSelector, selectorOf } from "#shared/selector.ts";
import { suite } from "#test/suite.ts";

const test = suite("selector");
const labels = { site: "north", role: "player", tier: "" };

for (const [text, expected] of [
  ["", true],
  ["site=north", true],
  ["site==north,role=player", true],
  ["site!=north", false],
  ["site in (south, north)", true],
  ["site notin (south)", true],
  ["zone notin (a)", true],
  ["zone!=a", true],
  ["tier", true],
  ["!zone", true],
  ["!site", false],
  ["tier=", true],
] as const) {
  test(`"${text}" ${expected ? "selects" : "leaves out"} the device`, () => {
    assert.equal(matches(parseSelector(text), labels), expected);
  });
}

for (const text of ["site in north", "=x", "site=a b", "in (a)", "site in (a"]) {
  test(`refuses "${text}" and names the term`, () => {
    assert.throws(() => parseSelector(text), { code: "request_invalid" });
  });
}

test("reads a map as labels that must all be equal", () => {
  assert.equal(matches(selectorOf({ site: "north", role: "player" }), labels), true);
  assert.equal(matches(selectorOf({ site: "north", role: "robot" }), labels), false);
});

test("what every object has is no label", () => {
  for (const key of ["constructor", "toString", "hasOwnProperty"]) {
    assert.equal(matches(parseSelector(key), labels), false, key);
    assert.equal(matches(parseSelector(`!${key}`), labels), true, key);
  }
});
