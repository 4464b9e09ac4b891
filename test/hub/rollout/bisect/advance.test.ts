// Every state of a bisect reached and left, and the search itself for every place of the first bad commit.
import assert from "node:assert/strict";
import fc from "fast-check";
import { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { Fact } from "#hub/rollout/advance/model.ts";
import { advanceBisect, withContent } from "#hub/rollout/bisect/advance.ts";
import type { Bisect, Candidate, Reported, Verdict } from "#hub/rollout/bisect/model.ts";
import { culpritOf, nextTest, testsLeft } from "#hub/rollout/bisect/range.ts";
import { freshMember } from "#hub/rollout/track.ts";
import { DeviceId } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";

const test = suite("hub/rollout/bisect/advance");
const canary = DeviceId.parse("pi-1");
const other = DeviceId.parse("pi-2");
const minuteMs = 60_000;
const policy = RolloutPolicy.parse({ steps: [{ bakeMinutes: 1 }], deadlineMinutes: 5 });

/** `g`: good, `b`: bad, `.`: untested, `-`: skipped. */
const letters: Readonly<Record<string, Verdict>> = {
  g: "good",
  b: "bad",
  ".": "untested",
  "-": "skipped",
};

function commits(text: string): Candidate[] {
  return text.split("").map((letter, at) => ({
    ...{ commit: `c${at}`, author: "Ada", subject: `change ${at}`, committedAt: at },
    ...{ verdict: letters[letter] ?? "untested", why: null, content: `content ${at}` },
  }));
}

function bisect(text: string, over: Partial<Bisect> = {}): Bisect {
  return {
    ...{ state: "Testing", commits: commits(text), testing: null, bakeUntil: null, outcome: null },
    ...{ canaries: [freshMember(canary), freshMember(other)], policy },
    ...over,
  };
}

const online: Fact = {
  ...{ labels: {}, connection: "Online", answer: "none", words: null },
  ...{ isSafe: false, isHeld: false, isServing: true, traits: [] },
};

function reported(a: Partial<Fact>, b: Partial<Fact> | undefined = a): Reported {
  const facts = new Map([[canary, { ...online, ...a }]]);
  if (b !== undefined) facts.set(other, { ...online, ...b });
  return { facts, rollout: "Halted", isFrozen: false, absences: [] };
}

const text = (one: Bisect): string =>
  one.commits
    .map(({ verdict }) => Object.keys(letters).find((letter) => letters[letter] === verdict))
    .join("");

/** Decides until nothing changes at this time. */
function settled(from: Bisect, given: Reported, now: number): Bisect {
  let one = from;
  for (let next = advanceBisect(one, given, now); next.bisect !== one; ) {
    one = next.bisect;
    next = advanceBisect(one, given, now);
  }
  return one;
}

for (const [given, next, left] of [
  ["g.......b", 4, 3],
  ["g.b", 1, 1],
  ["gb", undefined, 0],
  ["g..gb", undefined, 0],
  ["g...b....b", 2, 2],
  ["g------.b", 7, 1],
  ["g.......", 7, 4],
  [".......b", 0, 4],
  ["..", 1, 2],
] as const) {
  test(`${given}: the next test is ${next}, and ${left} are left at most`, () => {
    const one = { commits: commits(given) };
    assert.deepEqual([nextTest(one), testsLeft(one)], [next, left]);
  });
}

test("for every place of the first bad commit the search ends there, within the tests it promised", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.nat(),
      fc.array(fc.nat()),
      (size, place, holes) => {
        const first = 1 + (place % size);
        const skipped = new Set(holes.map((hole) => 1 + (hole % size)));
        skipped.delete(first);
        skipped.delete(size);
        let all = commits(`g${".".repeat(size - 1)}b`).map((one, at) =>
          skipped.has(at) ? { ...one, verdict: "skipped" as const } : one,
        );
        const promised = testsLeft({ commits: all });
        let tests = 0;
        for (
          let at = nextTest({ commits: all });
          at !== undefined;
          at = nextTest({ commits: all })
        ) {
          const verdict = at >= first ? ("bad" as const) : ("good" as const);
          all = all.map((one, index) => (index === at ? { ...one, verdict } : one));
          tests += 1;
        }
        const culprit = culpritOf({ commits: all });
        assert.equal(culprit?.first.commit, `c${first}`);
        assert.ok(tests <= promised, `${tests} of ${promised}`);
        assert.ok(culprit?.skipped.every(({ verdict }) => verdict === "skipped"));
      },
    ),
  );
});

test("a commit must be read before it is tried, and none is tried while the fleet is halted", () => {
  const unread = bisect("g.b");
  unread.commits = unread.commits.map((one) => ({ ...one, content: null }));
  const decided = advanceBisect(unread, reported({}), 0);
  assert.deepEqual([decided.toRead, decided.bisect], [1, unread]);
  const frozen = advanceBisect(bisect("g.b"), { ...reported({}), isFrozen: true }, 0);
  assert.deepEqual([frozen.waitsFor, frozen.bisect.testing], ["the fleet is halted", null]);
});

test("content that was tested already needs no test; what cannot be read is skipped with the reason", () => {
  const read = withContent(bisect("g..b"), 1, { content: "content 3" });
  assert.deepEqual(
    [text(read), read.commits[1]?.why],
    ["gb.b", "gives the canaries the same as c3"],
  );
  const broken = withContent(bisect("g..b"), 2, { why: "compose.yaml:1: broken" });
  assert.deepEqual([text(broken), broken.commits[2]?.why], ["g.-b", "compose.yaml:1: broken"]);
});

test("good is what all canaries run, for as long as the first step bakes", () => {
  const begun = settled(bisect("g..b"), reported({}), 0);
  assert.deepEqual([begun.testing, begun.canaries[0]?.deadlineAt], [1, 5 * minuteMs]);
  const half = settled(begun, reported({ answer: "succeeded" }, {}), 1);
  assert.deepEqual([half.testing, half.bakeUntil], [1, null]);
  const baking = settled(half, reported({ answer: "succeeded" }), 2);
  assert.equal(baking.bakeUntil, 2 + minuteMs);
  const ill = settled(baking, reported({ answer: "unhealthy" }, { answer: "succeeded" }), 3);
  assert.equal(ill.bakeUntil, null);
  const well = settled(ill, reported({ answer: "succeeded" }), 4);
  const over = settled(well, reported({ answer: "succeeded" }), 4 + minuteMs);
  assert.equal(text(over).slice(0, 2), "gg");
});

for (const [why, fact] of [
  ["refuses it", { answer: "refused", words: "it crashed" }],
  ["enters safe mode", { isSafe: true }],
] as const) {
  test(`one canary that ${why} makes the commit bad`, () => {
    const begun = settled(bisect("g.b"), reported({}), 0);
    const over = settled(begun, reported({}, fact), 1);
    assert.deepEqual([over.state, text(over)], ["Found", "gbb"]);
    assert.match(over.commits[1]?.why ?? "", /^pi-2 /);
    assert.match(over.outcome ?? "", /first bad commit is c1 "change 1" by Ada$/);
  });
}

test("a canary that is not healthy at its deadline makes the commit bad; one that is away does not", () => {
  const begun = settled(bisect("g.b"), reported({}), 0);
  const away = settled(begun, reported({ connection: "Offline" }), 6 * minuteMs);
  assert.deepEqual(
    [away.testing, away.canaries.map(({ state }) => state)],
    [1, ["Waiting", "Waiting"]],
  );
  assert.equal(
    advanceBisect(away, reported({ connection: "Offline" }), 7 * minuteMs).waitsFor,
    "pi-1, which was away at its deadline",
  );
  const back = settled(away, reported({ answer: "refused" }), 8 * minuteMs);
  assert.equal(back.state, "Found");
  const late = settled(begun, reported({}), 6 * minuteMs);
  assert.match(late.commits[1]?.why ?? "", /was not healthy at its deadline/);
});

test("a canary that cannot fetch the commit says nothing about it, however long that lasts", () => {
  const begun = settled(bisect("g.b"), reported({}), 0);
  const cut = reported({ mayBegin: true, words: "the registry does not answer" });
  for (const minute of [4, 6, 60, 6000]) {
    const waiting = settled(begun, cut, minute * minuteMs);
    assert.equal(text(waiting), "g.b");
  }
  const waiting = settled(begun, cut, 6 * minuteMs);
  assert.equal(
    advanceBisect(waiting, cut, 7 * minuteMs).waitsFor,
    "pi-1, which could not take it yet: the registry does not answer",
  );
  const back = settled(waiting, reported({ answer: "succeeded" }), 8 * minuteMs);
  assert.equal(text(settled(back, reported({ answer: "succeeded" }), 9 * minuteMs)), "ggb");
});

test("no deadline and no bake of a test counts a time without a hub", () => {
  const begun = settled(bisect("g.b"), reported({}), 0);
  const gone = [{ from: minuteMs, until: 100 * minuteMs }];
  const after = { ...reported({ answer: "unhealthy" }), absences: gone };
  assert.deepEqual(settled(begun, after, 100 * minuteMs), begun);
  const nextAt = 106 * minuteMs;
  assert.equal(advanceBisect(begun, after, 100 * minuteMs).nextAt, nextAt);
  assert.equal(settled(begun, after, nextAt).state, "Found");
  const well = { ...reported({ answer: "succeeded" }), absences: gone };
  const baking = settled(begun, well, minuteMs / 2);
  assert.equal(settled(baking, well, 100 * minuteMs).state, "Testing");
});

test("ends that are not what they were taken for end the search without an answer", () => {
  const well = reported({ answer: "succeeded" });
  const unproven = settled(settled(bisect("g.."), well, 0), well, minuteMs);
  assert.equal(unproven.state, "Inconclusive");
  assert.match(unproven.outcome ?? "", /the canaries run the release well/);
  const elsewhere = settled(
    settled(bisect("..b"), reported({}), 0),
    reported({ answer: "refused" }),
    1,
  );
  assert.equal(elsewhere.state, "Inconclusive");
  assert.match(elsewhere.outcome ?? "", /not among this branch's commits/);
});

test("commits that could not be tried are named beside the one that was found", () => {
  const over = settled(bisect("g--b"), reported({}), 0);
  assert.match(
    over.outcome ?? "",
    /unless it is one of 2 before it .* c1 "change 1", c2 "change 2"$/,
  );
});

test("it ends with its rollout, and when no canary is left", () => {
  const begun = settled(bisect("g.b"), reported({}), 0);
  for (const rollout of ["Progressing", "Promoted", "Superseded", undefined] as const) {
    const over = settled(begun, { ...reported({}), rollout }, 1);
    assert.deepEqual([over.state, over.testing], ["Cancelled", null], rollout);
  }
  const undone = settled(begun, { ...reported({}), rollout: "Undone" }, 1);
  assert.equal(undone.state, "Testing");
  const gone = settled(begun, { ...reported({}), facts: new Map() }, 1);
  assert.equal(gone.outcome, "no canary is left in the deployment");
  assert.equal(settled(gone, reported({}), 2), gone);
});
