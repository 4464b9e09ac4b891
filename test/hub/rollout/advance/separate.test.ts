// What failed devices share, ranked by how well it separates them, with small numbers told as such.
import assert from "node:assert/strict";
import type { Trait } from "#hub/rollout/advance/model.ts";
import { separate, suspectsInWords } from "#hub/rollout/advance/separate.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/rollout/advance suspects");

function device(model: string, site: string, kernel = "6.12"): Trait[] {
  return [
    { key: "label site", value: site },
    { key: "kernel", value: kernel },
    { key: "model", value: model },
  ];
}

function many(count: number, make: (at: number) => Trait[]): Trait[][] {
  return Array.from({ length: count }, (_, at) => make(at));
}

test("puts the property first that only the failed devices have", () => {
  const failed = many(4, (at) => device("Pi 3", `site-${at % 2}`));
  const succeeded = many(16, (at) => device("Pi 5", `site-${at % 5}`));
  const ranked = separate(failed, succeeded);
  assert.deepEqual([ranked[0]?.key, ranked[0]?.value], ["model", "Pi 3"]);
  assert.ok(ranked.slice(1).every(({ chance }) => chance > 0.05));
  const words = suspectsInWords(ranked);
  assert.match(words, /^they share model=Pi 3 \(4 of 4 that failed, 0 of 16 that succeeded\)$/);
});

test("computes Fisher's exact chance, corrected for the number of properties", () => {
  // The lady tasting tea: 3 of 4 right has the one-sided chance 17/70.
  const yes = [{ key: "k", value: "yes" }];
  const no = [{ key: "k", value: "no" }];
  const [first] = separate([yes, yes, yes, no], [yes, no, no, no]);
  assert.ok(Math.abs((first?.chance ?? 0) - (2 * 17) / 70) < 1e-9);
});

test("of properties that separate equally well the model comes first, then other properties, then labels", () => {
  const failed = many(3, () => device("Pi 3", "north", "6.1"));
  const succeeded = many(9, () => device("Pi 5", "south", "6.12"));
  assert.deepEqual(
    separate(failed, succeeded).map(({ key }) => key),
    ["model", "kernel", "label site"],
  );
});

test("does not accuse on one failure among few, and says so", () => {
  const ranked = separate(
    [device("Pi 3", "a")],
    many(5, () => device("Pi 5", "b")),
  );
  assert.ok((ranked[0]?.chance ?? 0) > 0.05);
  assert.match(suspectsInWords(ranked), /^nothing separates them clearly; nearest is model=Pi 3/);
});

test("says what all failed devices have when none succeeded, and nothing of unknown ones", () => {
  const ranked = separate(
    many(2, (at) => device("Pi 3", `s${at}`)),
    [],
  );
  assert.equal(
    suspectsInWords(ranked),
    "no device has succeeded yet to compare with; all that failed have model=Pi 3, kernel=6.12",
  );
  assert.equal(suspectsInWords(separate([[]], [])), "nothing is known of the failed devices");
});
