import * as assert from "node:assert/strict";
import { choose } from "#scripts/faults/choice.ts";
import { faults } from "#scripts/faults/table.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("which faults are tried");

function hintFor(name: string): string {
  try {
    choose(faults, ["cut", name]);
  } catch (error) {
    assert.ok(error instanceof FleetError);
    assert.equal(error.code, "not_found");
    assert.ok(error.message.includes(`"${name}"`));
    return error.hint ?? "";
  }
  throw new TypeError(`${name} was taken`);
}

test("all without a name, and those of the names in the table's order", () => {
  assert.equal(choose(faults, undefined).length, faults.length);
  const names = choose(faults, ["poison", "cut"]).map(({ name }) => name);
  assert.deepEqual(names, ["cut", "poison"]);
});

test("an unknown name is answered with the names that come near", () => {
  assert.match(hintFor("poisson"), /^Did you mean poison\?/);
  assert.match(hintFor("hub"), /^Did you mean hub-/);
  assert.match(hintFor("torn"), /torn-writes/);
  assert.match(hintFor("disk-full"), /disk-full-/);
});

test("a name like none is sent to the list", () => {
  assert.equal(hintFor("zzzz"), "--list names all of them.");
});
