// The heart of rollouts: steps, gates, bakes, deadlines and approvals, as tables of decisions.
import assert from "node:assert/strict";
import { advance } from "#hub/rollout/advance/advance.ts";
import type { Fact, Facts, Rollout } from "#hub/rollout/advance/model.ts";
import { suite } from "#test/suite.ts";
import { applied, facts, member, minuteMs, policy, rollout, text } from "./fixture.ts";

const test = suite("hub/rollout/advance");
const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
const ten = names.map((name) => member(name));
const all = (change: Partial<Fact> = {}): Facts =>
  facts(Object.fromEntries(names.map((name) => [name, change])));
const thirds = policy({ steps: [{ count: 1 }, { percent: 50 }] });

/** The state after each of the facts, a minute apart. */
function story(begin: Rollout, chapters: readonly Facts[]): string[] {
  let now = 0;
  let current = begin;
  return chapters.map((chapter) => {
    const decision = advance(current, chapter, now);
    const line = text(current, decision);
    current = applied(current, decision);
    now += minuteMs;
    return line;
  });
}

test("goes from a canary to half to all, each when the one before is healthy", () => {
  const healthy = all({ answer: "succeeded" });
  assert.deepEqual(
    story(rollout(ten, { policy: thirds }), [all(), all(), healthy, healthy, healthy]),
    [
      "Progressing 1: a Released",
      "Progressing 1: a Released",
      "Progressing 2: a Succeeded, b Released, c Released, d Released, e Released",
      "Progressing 3: a Succeeded, b Succeeded, c Succeeded, d Succeeded, e Succeeded, f Released, g Released, h Released, i Released, j Released",
      "Promoted 3: a Succeeded, b Succeeded, c Succeeded, d Succeeded, e Succeeded, f Succeeded, g Succeeded, h Succeeded, i Succeeded, j Succeeded",
    ],
  );
});

test("begins with the devices that a step selects, and says when it selects none", () => {
  const steps = [{ select: "ring=canary" }];
  const some = facts({ a: {}, b: { labels: { ring: "canary" } }, c: {} });
  const begin = rollout([member("a"), member("b"), member("c")], { policy: policy({ steps }) });
  assert.equal(text(begin, advance(begin, some, 0)), "Progressing 1: b Released");
  const none = advance(begin, facts({ a: {}, b: {}, c: {} }), 0);
  assert.equal(text(begin, none), "Progressing 2: a Released, b Released, c Released");
  assert.deepEqual(
    none.tells.map(({ type, reason }) => `${type} ${reason}`),
    ["Warning RolloutStepOver"],
  );
});

test("warns when the only device of a step is away and then no longer selected: nobody has tested it", () => {
  const given = policy({ steps: [{ select: "ring=canary" }], deadlineMinutes: 1 });
  const others = { a: {}, c: {} };
  const canary = { connection: "Offline", labels: { ring: "canary" } } as const;
  const begin = rollout(
    [member("a"), member("b", { state: "Waiting", step: 0, reason: "is away" }), member("c")],
    { policy: given },
  );
  const away = advance(begin, facts({ ...others, b: canary }), 0);
  assert.equal(text(begin, away), "Progressing 1: b Waiting");
  const relabelled = advance(begin, facts({ ...others, b: { ...canary, labels: {} } }), 0);
  assert.equal(text(begin, relabelled), "Progressing 2: a Released, b Waiting, c Released");
  const [told] = relabelled.tells;
  assert.deepEqual([told?.type, told?.reason], ["Warning", "RolloutStepOver"]);
});

test("takes its percentages of all that have something to change, those of earlier steps included", () => {
  const steps = [{ select: "ring=canary" }, { percent: 30 }];
  const some = facts(
    Object.fromEntries(
      names.map((name, at) => [
        name,
        { answer: "succeeded", labels: at > 7 ? { ring: "canary" } : {} },
      ]),
    ),
  );
  const begin = rollout(ten, { policy: policy({ steps }) });
  const first = advance(begin, some, 0);
  assert.equal(text(begin, first), "Progressing 1: i Released, j Released");
  const next = applied(begin, first);
  assert.equal(
    text(next, advance(next, some, 0)),
    "Progressing 2: a Released, i Succeeded, j Succeeded",
  );
});

test("bakes before the next step, and a device that falls ill meanwhile counts", () => {
  const steps = [{ count: 2, bakeMinutes: 10 }];
  const begin = rollout([member("a"), member("b"), member("c")], {
    policy: policy({ steps, deadlineMinutes: 5 }),
  });
  const well = { answer: "succeeded" } as const;
  const healthy = facts({ a: well, b: well, c: {} });
  let current = applied(begin, advance(begin, facts({ a: {}, b: {}, c: {} }), 0));
  const baking = advance(current, healthy, minuteMs);
  assert.equal(baking.head.state, "Baking");
  assert.equal(baking.nextAt, 11 * minuteMs);
  current = applied(current, baking);
  assert.equal(advance(current, healthy, 10 * minuteMs).head.state, "Baking");
  assert.equal(advance(current, healthy, 11 * minuteMs).head.step, 1);
  const ill = advance(current, facts({ a: well, b: { answer: "unhealthy" }, c: {} }), 5 * minuteMs);
  assert.equal(text(current, ill), "Progressing 1: a Succeeded, b Released");
  current = applied(current, ill);
  const late = advance(
    current,
    facts({ a: well, b: { answer: "unhealthy" }, c: {} }),
    10 * minuteMs,
  );
  assert.equal(text(current, late), "Halted 1: a Reverted, b Reverted");
});

test("a device that is away, asleep or held back at its deadline waits, and counts when it answers", () => {
  const begin = rollout([member("a"), member("b"), member("c")], {
    policy: policy({ steps: [{ count: 2 }], deadlineMinutes: 1 }),
  });
  let current = applied(begin, advance(begin, facts({ a: {}, b: {}, c: {} }), 0));
  const away = facts({ a: { connection: "Offline" }, b: { answer: "succeeded" }, c: {} });
  const decision = advance(current, away, minuteMs);
  // Another device takes the place of the one that cannot answer.
  assert.equal(text(current, decision), "Progressing 1: a Waiting, b Succeeded, c Released");
  current = applied(current, decision);
  const done = facts({
    a: { connection: "Stale" },
    b: { answer: "succeeded" },
    c: { answer: "succeeded" },
  });
  const promoted = advance(current, done, minuteMs);
  assert.equal(text(current, promoted), "Promoted 2: a Waiting, b Succeeded, c Succeeded");
  current = applied(current, promoted);
  const back = advance(current, facts({ a: {}, b: {}, c: {} }), 2 * minuteMs);
  assert.equal(text(current, back), "Promoted 2: a Released, b Succeeded, c Succeeded");
  current = applied(current, back);
  const answered = advance(
    current,
    facts({ a: { answer: "refused" }, b: {}, c: {} }),
    2 * minuteMs,
  );
  assert.equal(text(current, answered), "Promoted 2: a Failed, b Succeeded, c Succeeded");
  const held = rollout([member("a", { state: "Released", step: 0, deadlineAt: 5 }), member("b")]);
  assert.match(text(held, advance(held, facts({ a: { isHeld: true }, b: {} }), 5)), /a Waiting/);
});

test("does not ask a device that is away to be the canary, and never passes a gate unanswered", () => {
  const steps = [{ select: "ring=canary" }];
  const canary = { labels: { ring: "canary" } };
  const begin = rollout([member("a"), member("b"), member("c")], { policy: policy({ steps }) });
  const one = facts({ a: { ...canary, connection: "Offline" }, b: canary, c: {} });
  assert.equal(text(begin, advance(begin, one, 0)), "Progressing 1: b Released");
  const none = facts({
    a: { ...canary, connection: "Offline" },
    b: { ...canary, isSafe: true },
    c: {},
  });
  const decision = advance(begin, none, 0);
  assert.equal(text(begin, decision), "Progressing 1:");
  assert.match(decision.waitsFor ?? "", /first device/);
  const only = rollout([member("a")]);
  const asleep = facts({ a: { connection: "Stale" } });
  const waiting = applied(only, advance(only, asleep, 0));
  assert.equal(waiting.members[0]?.state, "Waiting");
  assert.equal(advance(waiting, asleep, 1e12).head.state, "Progressing");
  assert.equal(advance(waiting, facts({ a: { answer: "succeeded" } }), 1).head.state, "Promoted");
});

test("a device fails that refuses, that is not healthy at its deadline, or that enters safe mode", () => {
  const released = member("a", { state: "Released", step: 0, deadlineAt: 10 });
  const others = ["b", "c", "d"].map((name) => member(name, { state: "Succeeded", step: 0 }));
  const begin = rollout([released, ...others], {
    policy: policy({ steps: [{ healthyShare: 0.5 }] }),
  });
  const cases: [Partial<Fact>, number, string][] = [
    [{ answer: "refused", words: "it crashed" }, 1, "refused or rolled back: it crashed"],
    [{ answer: "unhealthy" }, 10, "was not healthy at its deadline"],
    [{}, 10, "was not healthy at its deadline"],
    [{ isSafe: true }, 1, "entered safe mode"],
  ];
  for (const [change, now, reason] of cases) {
    const known = facts({ a: change, b: {}, c: {}, d: {} });
    const decision = advance(begin, known, now);
    assert.deepEqual(
      decision.marks.filter(({ device }) => device === "a").map((one) => [one.state, one.reason]),
      [["Failed", reason]],
    );
    assert.equal(decision.tells[0]?.reason, "RolloutDeviceFailed");
  }
  assert.equal(
    advance(begin, facts({ a: { answer: "unhealthy" }, b: {}, c: {}, d: {} }), 9).marks.length,
    0,
  );
});

test("a device that could not come to the release by its deadline waits, and halts nothing", () => {
  const begin = rollout([member("a"), member("b")], {
    policy: policy({ steps: [{ count: 2 }], deadlineMinutes: 1 }),
  });
  let current = applied(begin, advance(begin, facts({ a: {}, b: {} }), 0));
  const cut = { mayBegin: true, words: "the registry does not answer" } as const;
  const late = advance(current, facts({ a: cut, b: cut }), minuteMs);
  assert.equal(text(current, late), "Progressing 1: a Waiting, b Waiting");
  assert.match(
    late.tells[0]?.message ?? "",
    /could not take it yet: the registry does not answer$/,
  );
  current = applied(current, late);
  const still = advance(current, facts({ a: cut, b: cut }), 9 * minuteMs);
  assert.equal(text(current, still), "Progressing 1: a Waiting, b Waiting");
  assert.match(still.waitsFor ?? "", /first device .*; a could not take it yet: the registry/);
  // On trial at last, it must answer as any other.
  const tried = advance(current, facts({ a: { answer: "unhealthy" }, b: cut }), 9 * minuteMs);
  assert.equal(text(current, tried), "Progressing 1: a Released, b Waiting");
  current = applied(current, tried);
  const ill = advance(current, facts({ a: { answer: "unhealthy" }, b: cut }), 10 * minuteMs);
  assert.equal(ill.head.state, "Halted");
});

test("devices that may begin at any moment are replaced once, and not by one more at each deadline", () => {
  let current = rollout(ten, { policy: policy({ steps: [{ count: 1 }], deadlineMinutes: 1 }) });
  const shut = all({ mayBegin: true });
  for (let minute = 0; minute < 30; minute += 1)
    current = applied(current, advance(current, shut, minute * minuteMs));
  const waiting = current.members.filter(({ state }) => state === "Waiting");
  assert.deepEqual(
    waiting.map(({ device }) => device),
    ["a", "b"],
  );
});

test("an order of safe mode makes no device a failure, whether it has the release or not", () => {
  const members = [
    member("a", { state: "Released", step: 0, deadlineAt: 9 }),
    member("b", { state: "Succeeded", step: 0 }),
  ];
  const safe = { isSafe: true, isSafeAnyway: true } as const;
  const begin = rollout(members);
  const decision = advance(begin, facts({ a: safe, b: safe }), 1);
  assert.equal(text(begin, decision), "Promoted 1: a Waiting, b Succeeded");
});

test("waits for a person before a step that wants approval, and asks once", () => {
  const steps = [{ count: 1 }, { approval: true }];
  const begin = rollout([member("a"), member("b")], { policy: policy({ steps }) });
  let current = applied(begin, advance(begin, facts({ a: {}, b: {} }), 0));
  const well = facts({ a: { answer: "succeeded" }, b: {} });
  const asks = advance(current, well, 1);
  assert.equal(text(current, asks), "AwaitingApproval 2: a Succeeded");
  assert.equal(asks.tells.at(-1)?.reason, "RolloutAwaitsApproval");
  current = applied(current, asks);
  assert.deepEqual(advance(current, well, 2).tells, []);
  assert.equal(
    text(current, advance({ ...current, approved: 1 }, well, 3)),
    "Progressing 2: a Succeeded, b Released",
  );
});

test("releases nothing while paused, halted or frozen, and judges all the same", () => {
  const members = [
    member("a", { state: "Released", step: 0, deadlineAt: 9 }),
    member("b"),
    member("c"),
  ];
  const well = facts({ a: { answer: "succeeded" }, b: {}, c: {} });
  const steps = [{ count: 1 }];
  for (const state of ["Paused", "Halted"] as const) {
    const begin = rollout(members, { state, policy: policy({ steps }) });
    assert.equal(text(begin, advance(begin, well, 1)), `${state} 1: a Succeeded`);
  }
  const begin = rollout(members, { policy: policy({ steps }) });
  const frozen = advance(begin, well, 1, { isFrozen: true });
  assert.equal(text(begin, frozen), "Progressing 1: a Succeeded");
  assert.equal(frozen.waitsFor, "the fleet is halted");
  for (const state of ["Undone", "Superseded"] as const) {
    const done = rollout(members, { state });
    const { marks, tells, nextAt } = advance(done, well, 1e9);
    assert.deepEqual([marks, tells, nextAt], [[], [], null]);
  }
});

test("a device that leaves the deployment counts no more, and one that returns is looked at again", () => {
  const members = [member("a", { state: "Released", step: 0, deadlineAt: 9 }), member("b")];
  const begin = rollout(members, { policy: policy({ steps: [{ count: 1 }] }) });
  const gone = advance(begin, facts({ b: {} }), 1);
  assert.equal(text(begin, gone), "Progressing 1: a Left, b Released");
  const current = applied(begin, gone);
  assert.equal(
    advance(current, facts({ a: {}, b: {} }), 1).marks.find(({ device }) => device === "a")?.state,
    "Pending",
  );
});

test("a last step whose devices have all left has nobody to wait for", () => {
  const begin = rollout([member("a", { state: "Released", step: 0, deadlineAt: 9 })]);
  const current = applied(begin, advance(begin, facts({}), 1));
  assert.equal(text(current, advance(current, facts({}), 2)), "Promoted 1: a Left");
});
