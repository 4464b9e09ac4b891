import * as assert from "node:assert/strict";
import { restartNews, type Told } from "#edge/plan/restarted.ts";
import { suite } from "#test/suite.ts";

const test = suite("restarts that are told");

/** @returns how many restarts are told at each moment */
function told(moments: [nowMs: number, restarts: number][], first?: Told): number[] {
  let known = first;
  return moments.map(([nowMs, restarts]) => {
    const news = restartNews({ restarts }, known, nowMs);
    known = news.told;
    return news.times;
  });
}

test("a change is told once, and none is not", () => {
  const seen = told([
    [0, 0],
    [10_000, 1],
    [20_000, 1],
    [9_000_000, 1],
    [9_010_000, 3],
  ]);
  assert.deepEqual(seen, [0, 1, 0, 0, 2]);
});

test("what was told before this start of the agent is not told again, and what came meanwhile is", () => {
  assert.deepEqual(told([[0, 4]], { restarts: 4 }), [0]);
  assert.deepEqual(told([[0, 6]], { restarts: 4 }), [2]);
});

test("a copy that falls all the time is told of ever more rarely, and no restart is lost", () => {
  const hours = 6;
  const moments = Array.from({ length: hours * 360 }, (_, at): [number, number] => [
    at * 10_000,
    at,
  ]);
  const seen = told(moments);
  const times = seen.filter((count) => count > 0);
  assert.ok(times.length >= 10 && times.length <= 18, `${times.length} events in ${hours} hours`);
  assert.equal(seen[1], 1);
  const sum = seen.reduce((all, count) => all + count, 0);
  assert.ok(sum > moments.length - 361 && sum < moments.length);
});

test("after an hour of peace the next one is told at once, and the pace begins anew", () => {
  const falling = Array.from({ length: 60 }, (_, at): [number, number] => [at * 10_000, at]);
  const seen = told([...falling, [4_800_000, 59], [9_000_000, 60], [9_010_000, 61]]);
  assert.deepEqual(seen.slice(-2), [1, 1]);
});

test("a count that falls is no news, and the next restart is", () => {
  assert.deepEqual(
    told(
      [
        [0, 0],
        [10_000, 1],
      ],
      { restarts: 7 },
    ),
    [0, 1],
  );
  assert.deepEqual(told([[0, 2]], { restarts: 7 }), [2]);
});
