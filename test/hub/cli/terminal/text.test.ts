import * as assert from "node:assert/strict";
import { createPaint, wantsColour } from "#hub/cli/terminal/colour.ts";
import { createTable, fitted } from "#hub/cli/terminal/table.ts";
import { fit, printable, printableLines, widthOf, wrap } from "#hub/cli/terminal/text.ts";
import { suite } from "#test/suite.ts";

const test = suite("text on a terminal");

test("width counts cells: wide signs two, marks none", () => {
  assert.equal(widthOf("pi-1"), 4);
  assert.equal(widthOf("Zürich"), 6);
  assert.equal(widthOf("Zu\u0308rich"), 6);
  assert.equal(widthOf("東京"), 4);
});

test("a text is cut to the cells that there are", () => {
  assert.equal(fit("harbour", 7), "harbour");
  assert.equal(fit("harbour", 5), "harb…");
  assert.equal(fit("東京都", 4), "東…");
  assert.equal(fit("harbour", 0), "");
});

test("what a device says cannot steer the terminal", () => {
  assert.equal(printable("a\u001B[2Jb\u009Bc\u202Ed"), "a\\u001b[2Jb\\u009bc\\u202ed");
  assert.equal(printable("two\r\n  lines\tand a tab"), "two lines and a tab");
  assert.equal(printableLines("a\n\u001B]0;title\u0007"), "a\n\\u001b]0;title\\u0007");
});

test("words wrap at the width", () => {
  assert.deepEqual(wrap("the window is closed", 10), ["the window", "is closed"]);
  assert.deepEqual(wrap("unbreakable-word x", 5), ["unbreakable-word", "x"]);
});

test("colour follows NO_COLOR, then FORCE_COLOR, then the stream", () => {
  const cases: [env: Record<string, string>, isTerminal: boolean, wanted: boolean][] = [
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: "1" }, true, false],
    [{ NO_COLOR: "" }, true, true],
    [{ FORCE_COLOR: "1" }, false, true],
    [{ FORCE_COLOR: "0" }, true, false],
    [{ NO_COLOR: "1", FORCE_COLOR: "1" }, true, false],
    [{ TERM: "dumb" }, true, false],
  ];
  for (const [env, isTerminal, wanted] of cases) {
    assert.equal(wantsColour(env, isTerminal), wanted, JSON.stringify([env, isTerminal]));
  }
});

const columns = [
  { title: "NAME", text: (row: { name: string }) => row.name },
  { title: "WHY", text: (row: { why: string }) => row.why, atLeast: 8 },
  { title: "AGE", text: () => "5s" },
];
type Row = { name: string; why: string };
const rows: Row[] = [
  { name: "pi-1", why: "the maintenance window is closed until ten" },
  { name: "pi-22", why: "" },
];
const plain = createPaint(false);

test("in a pipe a table is whole, and what is empty is a dash", () => {
  const table = createTable<Row>(columns, { width: undefined, paint: plain });
  assert.deepEqual(table.lines(rows), [
    "NAME   WHY                                         AGE",
    "pi-1   the maintenance window is closed until ten  5s",
    "pi-22  -                                           5s",
  ]);
});

test("on a terminal sentences give way first, then columns, and no line is too long", () => {
  const at = (width: number): string[] =>
    createTable<Row>(columns, { width, paint: plain }).lines(rows);
  assert.deepEqual(at(32), [
    "NAME   WHY                   AGE",
    "pi-1   the maintenance win…  5s",
    "pi-22  -                     5s",
  ]);
  assert.deepEqual(at(10), ["NAME", "pi-1", "pi-22"]);
  for (let width = 5; width < 60; width += 1) {
    for (const line of at(width)) assert.ok(widthOf(line) <= width, `${width}: ${line}`);
  }
});

test("later rows keep the columns where they were", () => {
  const table = createTable<Row>(columns, { width: undefined, paint: plain });
  table.lines([{ name: "pi-long-name", why: "x" }]);
  assert.deepEqual(table.lines([{ name: "a", why: "y" }], { header: false }), [
    "a             y    5s",
  ]);
});

test("a table that fits is not touched", () => {
  assert.deepEqual(fitted([10, 20], [{}, { atLeast: 5 }], 32), [10, 20]);
  assert.deepEqual(fitted([10, 20], [{}, { atLeast: 5 }], 31), [10, 19]);
});

test("colours stand around words and not around the gaps", () => {
  const table = createTable<Row>(
    [{ title: "NAME", text: ({ name }) => name, tone: () => "good" as const }, columns[1] as never],
    { width: undefined, paint: createPaint(true) },
  );
  const [, first] = table.lines(rows);
  assert.ok(first?.startsWith("\u001B[32mpi-1\u001B[0m   the"), JSON.stringify(first));
});
