import * as assert from "node:assert/strict";
import { parseBytes, parseDurationMs } from "#shared/compose/read/units.ts";
import { suite } from "#test/suite.ts";

const test = suite("compose units");

for (const [text, expected] of [
  ["0", 0],
  ["10s", 10_000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  ["300ms", 300],
  ["2500us", 3],
  ["1h5m30s20ms", 3_930_020],
  ["10", undefined],
  ["s", undefined],
  ["-1s", undefined],
  ["1 m", undefined],
  ["", undefined],
] as const) {
  test(`the duration "${text}" is ${expected} ms`, () =>
    assert.equal(parseDurationMs(text), expected));
}

for (const [text, expected] of [
  ["512", 512],
  ["64m", 67_108_864],
  ["64M", 67_108_864],
  ["1gb", 1_073_741_824],
  ["1GiB", 1_073_741_824],
  ["1.5k", 1536],
  ["300 kb", 307_200],
  ["10b", 10],
  ["", undefined],
  ["m", undefined],
  ["-1", undefined],
  ["1x", undefined],
] as const) {
  test(`the size "${text}" is ${expected} bytes`, () => assert.equal(parseBytes(text), expected));
}
