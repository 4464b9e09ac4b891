import * as assert from "node:assert/strict";
import { fillTemplate } from "#hub/cli/jsonpath/evaluate.ts";
import { parseTemplate } from "#hub/cli/jsonpath/parse.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";

const test = suite("jsonpath");

const whole = {
  items: [
    {
      id: "pi-1",
      sync: "Synced",
      generation: 3,
      labels: { "a.b": "dotted" },
      apps: [{ name: "web" }],
    },
    { id: "pi-2", sync: "OutOfSync", generation: 12, labels: {}, apps: [], safeMode: { since: 1 } },
    {
      id: "pi-3",
      sync: "Unknown",
      generation: 0,
      labels: {},
      apps: [{ name: "a" }, { name: "b" }],
    },
  ],
  next: null,
};

const fill = (template: string): string => fillTemplate(parseTemplate(template), whole);

const cases: [template: string, text: string][] = [
  [".items[0].id", "pi-1"],
  ["items: {.items[*].id}!", "items: pi-1 pi-2 pi-3!"],
  ["{.items[-1].id}", "pi-3"],
  ["{.items[1:].id}", "pi-2 pi-3"],
  ["{.items[:1].id}", "pi-1"],
  ["{.items[0:2].id}", "pi-1 pi-2"],
  ["{.items[0]['labels']['a.b']}", "dotted"],
  ["{$.items[0].labels}", '{"a.b":"dotted"}'],
  ["{.items[*].apps[*].name}", "web a b"],
  ["{.items[0].apps.*.name}", "web"],
  [
    '{range .items[*]}{.id}{"\\t"}{.sync}{"\\n"}{end}',
    "pi-1\tSynced\npi-2\tOutOfSync\npi-3\tUnknown\n",
  ],
  ["{range .items[*]}{.id}:{range .apps[*]}{.name},{end};{end}", "pi-1:web,;pi-2:;pi-3:a,b,;"],
  ["{range .items[1:2]}{.id} of {$.items[0].id}{end}", "pi-2 of pi-1"],
  ['{.items[?(@.sync=="Synced")].id}', "pi-1"],
  ["{.items[?(@.sync != 'Synced')].id}", "pi-2 pi-3"],
  ["{.items[?(@.generation>3)].id}", "pi-2"],
  ["{.items[?(@.generation <= 3)].id}", "pi-1 pi-3"],
  ["{.items[?(@.safeMode)].id}", "pi-2"],
  ["{.items[?(@.id==$.items[2].id)].sync}", "Unknown"],
  ["{.items[?(@.generation=='3')].id}", ""],
  ["{.next}", "null"],
  ["{.missing.deeper[0]}", ""],
  ["{.items[9]}", ""],
  ["{.items[0].id.length}", ""],
  ["{.constructor}{.items.length}", ""],
  ['{"quoted \\"word\\""}', 'quoted "word"'],
];

for (const [template, text] of cases) {
  test(`${template} gives ${JSON.stringify(text)}`, () => assert.equal(fill(template), text));
}

const refused: [template: string, why: RegExp][] = [
  ["{.items[0", /sign 10: "\]" is missing/],
  ["{.items[]}", /an index, a name in quotes/],
  ["{..id}", /descent \.\. is not supported/],
  ["{.items[*].id} {", /"}" is missing/],
  ["{range .items[*]}{.id}", /\{range\} without \{end\}/],
  ["{.id}{end}", /\{end\} without \{range\}/],
  ["{.items[0,1]}", /"\]" is missing/],
  ["{.items[?(@.id=='x']}", /"\)" is missing/],
];

for (const [template, why] of refused) {
  test(`${template} is refused with the place of the fault`, () => {
    assert.throws(
      () => parseTemplate(template),
      (error) => error instanceof FleetError && why.test(error.message) && error.hint !== undefined,
    );
  });
}
