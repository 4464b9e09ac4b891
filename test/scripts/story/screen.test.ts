import * as assert from "node:assert/strict";
import { broken, plain, show } from "#scripts/story/screen.ts";
import { suite } from "#test/suite.ts";

const test = suite("story: what a terminal shows");
const esc = "\u001B";

test("keeps colours and the lines of a terminal", () => {
  const { lines, pictures } = show(`${esc}[1mNAME${esc}[0m  SYNC\r\npi-1\r\n`);
  assert.deepEqual(lines, [
    [
      { text: "NAME", code: "1" },
      { text: "  SYNC", code: "" },
    ],
    [{ text: "pi-1", code: "" }],
  ]);
  assert.deepEqual(pictures, []);
});

test("a picture that was drawn over is kept apart from what stands there at the end", () => {
  const { lines, pictures } = show(`before\r\none\r\ntwo\r\n${esc}[2A${esc}[Jthree\r\n`);
  assert.deepEqual(lines.map(plain), ["before", "three"]);
  assert.deepEqual(
    pictures.map((picture) => picture.map(plain)),
    [["one", "two"]],
  );
});

test("a word of progress leaves nothing behind", () => {
  const { lines } = show(`Trying 1 …\r${esc}[KTrying 2 …\r${esc}[Kfound\r\n`);
  assert.deepEqual(lines.map(plain), ["found"]);
});

test("a line that is too long goes on below, in its colours", () => {
  const line = [
    { text: "abcd", code: "1" },
    { text: "ef", code: "" },
  ];
  assert.deepEqual(broken(line, 3), [
    [{ text: "abc", code: "1" }],
    [
      { text: "d", code: "1" },
      { text: "ef", code: "" },
    ],
  ]);
  assert.deepEqual(broken([], 3), [[]]);
});
