import * as assert from "node:assert/strict";
import { parseDuration, parseSince, rfc3339, shortDuration } from "#hub/cli/terminal/age.ts";
import { suite } from "#test/suite.ts";

const test = suite("ages and durations");

test("an age has two figures at most", () => {
  const second = 1000;
  const ages: [ms: number, text: string][] = [
    [-5, "0s"],
    [0, "0s"],
    [119 * second, "119s"],
    [120 * second, "2m"],
    [192 * second, "3m12s"],
    [45 * 60 * second, "45m"],
    [200 * 60 * second, "3h20m"],
    [20 * 3600 * second, "20h"],
    [76 * 3600 * second, "3d4h"],
    [30 * 86_400 * second, "30d"],
    [760 * 86_400 * second, "2y30d"],
  ];
  for (const [ms, text] of ages) assert.equal(shortDuration(ms), text);
});

test("durations are read as they are written", () => {
  const durations: [text: string, ms: number][] = [
    ["0", 0],
    ["500ms", 500],
    ["30s", 30_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["2d", 172_800_000],
  ];
  for (const [text, ms] of durations) assert.equal(parseDuration(text), ms);
  for (const text of ["", "5", "m5", "5 m", "5m!", "-5m", "5w"]) {
    assert.throws(() => parseDuration(text), /is not a duration/, text);
  }
});

test("a time since is a duration before now or a time", () => {
  assert.equal(parseSince("1m", 100_000), 40_000);
  assert.equal(parseSince("2026-01-05T12:00:00Z", 0), Date.UTC(2026, 0, 5, 12));
  assert.throws(() => parseSince("2026-99-99", 0), /is not a duration/);
});

test("a time that no calendar holds stays a number", () => {
  assert.equal(rfc3339(0), "1970-01-01T00:00:00.000Z");
  assert.equal(rfc3339(9e15), "9000000000000000");
});
