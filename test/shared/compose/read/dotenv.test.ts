// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the variables are those of Compose.
import * as assert from "node:assert/strict";
import { EnvFileError, parseEnvFile } from "#shared/compose/read/dotenv.ts";
import { suite } from "#test/suite.ts";

const test = suite("env file");
const values = { SITE: "north", EMPTY: "" };

for (const [what, text, expected] of [
  ["names and values", "A=1\nB = two words \n", { A: "1", B: "two words" }],
  [
    "comments and empty lines",
    "# c\n\n  # c\nA=1 # c\nB=a#b\nC=# c\n",
    { A: "1", B: "a#b", C: "" },
  ],
  ["export and a colon", "export A=1\nB: 2\n", { A: "1", B: "2" }],
  ["Windows line ends and a byte order mark", "\uFEFFA=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["single quotes literally", "A='$SITE # \\n'\n", { A: "$SITE # \\n" }],
  ["escapes in double quotes", 'A="a\\tb\\n\\"c\\" \\$SITE" # c\n', { A: 'a\tb\n"c" $SITE' }],
  ["a value over several lines", "A='one\ntwo'\nB=3\n", { A: "one\ntwo", B: "3" }],
  [
    "variables of the fleet and of earlier lines",
    'A=$SITE-x\nB="${A}/${NO:-d}"\n',
    { A: "north-x", B: "north-x/d" },
  ],
  [
    "values of the fleet before earlier lines",
    "SITE=south\nA=$SITE\n",
    { SITE: "south", A: "north" },
  ],
  [
    "a name alone from the values, or not at all",
    "SITE\nNONE\nEMPTY\n",
    { SITE: "north", EMPTY: "" },
  ],
  ["an equals sign in a value", "A=b=c==\n", { A: "b=c==" }],
  ["the last of two equal names", "A=1\nA=2\n", { A: "2" }],
] as const) {
  test(`reads ${what}`, () => {
    assert.deepEqual(Object.fromEntries(parseEnvFile(text, values).entries), expected);
  });
}

test("keeps everything after the sign in the raw format", () => {
  const { entries } = parseEnvFile("A='$SITE' # c\n", values, "raw");
  assert.deepEqual(entries, [["A", "'$SITE' # c"]]);
});

test("names unset variables with their line", () => {
  assert.deepEqual(parseEnvFile("A=1\nB=$NONE\n", values).unset, [{ name: "NONE", line: 2 }]);
});

for (const [what, text, line] of [
  ["a line of another form", "A=1\n- B=2\n", 2],
  ["an open quote", "A=1\n\nB='x\ny\n", 3],
  ["a demanded variable", "A=${NONE:?give it}\n", 1],
] as const) {
  test(`refuses ${what} with its line`, () => {
    assert.throws(
      () => parseEnvFile(text, values),
      (error) => error instanceof EnvFileError && error.line === line,
    );
  });
}
