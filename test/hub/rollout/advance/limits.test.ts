// What keeps a rollout from doing harm: halts, cohorts, parallelism, budgets and windows.
import assert from "node:assert/strict";
import { advance } from "#hub/rollout/advance/advance.ts";
import type { Fact, Facts, Member, Rollout } from "#hub/rollout/advance/model.ts";
import { suite } from "#test/suite.ts";
import { applied, facts, member, minuteMs, policy, rollout, text } from "./fixture.ts";

const test = suite("hub/rollout/advance limits");
const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
const ten = names.map((name) => member(name));
const all = (): Facts => facts(Object.fromEntries(names.map((name) => [name, {}])));
const thirds = policy({ steps: [{ count: 1 }, { percent: 50 }] });

test("halts as soon as the gate cannot hold, heals what has the release and touches nobody else", () => {
  const begin = rollout(ten, { policy: thirds, step: 1 });
  const tried = begin.members.map((one, at) =>
    at < 5 ? { ...one, state: "Released" as const, step: 1, deadlineAt: 99 } : one,
  );
  const current = { ...begin, members: tried };
  const decision = advance(current, new Map([...all(), ...facts({ a: { answer: "refused" } })]), 1);
  assert.equal(
    text(current, decision),
    "Halted 2: a Reverted, b Reverted, c Reverted, d Reverted, e Reverted",
  );
  assert.match(decision.tells.at(-1)?.message ?? "", /^halted: 1 of 5 devices of step 2 failed/);
  assert.equal(decision.tells.at(-1)?.type, "Warning");
});

test("halts at a number or a share of failures over all steps", () => {
  const tried = ten.map((one) => ({ ...one, state: "Released" as const, step: 0, deadlineAt: 99 }));
  const halts = (halt: object, failing: number): string => {
    const steps = [{ healthyShare: 0 }];
    const begin = rollout(tried, { policy: policy({ steps, halt }) });
    const failed = Object.fromEntries(
      names.slice(0, failing).map((name) => [name, { answer: "refused" as const }]),
    );
    return advance(begin, new Map([...all(), ...facts(failed)]), 1).head.state;
  };
  assert.deepEqual(
    [1, 2, 3].map((n) => halts({ failures: 2 }, n)),
    ["Progressing", "Halted", "Halted"],
  );
  assert.deepEqual(
    [2, 3].map((n) => halts({ share: 0.2 }, n)),
    ["Progressing", "Halted"],
  );
});

test("stops only the cohort that a clear property names, and goes on with the others", () => {
  const model = (value: string): Partial<Fact> => ({ traits: [{ key: "model", value }] });
  const steps = [{ percent: 100, healthyShare: 1 }];
  const devices = [...names, "k", "l"];
  const begin = rollout(
    devices.map((name, at) =>
      member(name, at < 10 ? { state: "Released", step: 0, deadlineAt: 99 } : {}),
    ),
    { policy: policy({ steps, haltScope: "cohort", maxParallel: 10 }) },
  );
  const known = facts(
    Object.fromEntries(
      devices.map((name, at) => [
        name,
        at < 4 || name === "k"
          ? { ...model("Pi 3"), answer: at < 4 ? ("refused" as const) : ("none" as const) }
          : { ...model("Pi 5"), answer: name === "l" ? ("none" as const) : ("succeeded" as const) },
      ]),
    ),
  );
  const decision = advance(begin, known, 1);
  const after = applied(begin, decision);
  assert.equal(after.state, "Progressing");
  assert.deepEqual(after.cohorts, [{ key: "model", value: "Pi 3" }]);
  const of = (state: Member["state"]): string[] =>
    after.members.filter((one) => one.state === state).map(({ device }) => device);
  assert.deepEqual(of("Held"), ["a", "b", "c", "d", "k"]);
  assert.deepEqual(of("Released"), ["l"]);
  assert.match(
    decision.tells.find(({ reason }) => reason === "RolloutCohortHalted")?.message ?? "",
    /only devices with model=Pi 3 stop$/,
  );
  const joined = { ...after, members: [...after.members, member("m")] };
  const later = advance(joined, new Map([...known, ...facts({ m: model("Pi 3") })]), 2);
  assert.equal(later.marks.find(({ device }) => device === "m")?.state, "Held");
});

test("a canary that comes back late and fails halts the rollout, though its step is over", () => {
  const begin = rollout(
    [
      member("a", { state: "Released", step: 0, deadlineAt: 99 }),
      member("b", { state: "Succeeded", step: 0 }),
      ...["c", "d", "e", "f"].map((name) =>
        member(name, { state: "Released", step: 1, deadlineAt: 99 }),
      ),
    ],
    { policy: thirds, step: 1 },
  );
  const known = new Map([...all(), ...facts({ a: { answer: "refused" } })]);
  const decision = advance(begin, known, 1);
  assert.equal(decision.head.state, "Halted");
  assert.match(decision.tells.at(-1)?.message ?? "", /^halted: 1 of 2 devices of step 1 failed/);
  assert.equal(advance({ ...begin, isForced: true }, known, 1).head.state, "Progressing");
});

test("leaves nobody out for what a device is only today", () => {
  const steps = [{ percent: 100, healthyShare: 1 }];
  const tried = ten.map((one) => ({ ...one, state: "Released" as const, step: 0, deadlineAt: 99 }));
  const begin = rollout(tried, { policy: policy({ steps, haltScope: "cohort" }) });
  const known = facts(
    Object.fromEntries(
      names.map((name, at) => [
        name,
        {
          traits: [{ key: "temperature", value: at < 4 ? "from 80 °C" : "under 60 °C" }],
          answer: at < 4 ? ("refused" as const) : ("succeeded" as const),
        },
      ]),
    ),
  );
  const decision = advance(begin, known, 1);
  assert.deepEqual([decision.head.state, decision.head.cohorts], ["Halted", []]);
  assert.match(decision.tells.at(-1)?.message ?? "", /they share temperature=from 80 °C/);
});

test("lets at most so many devices change at a time", () => {
  const begin = rollout(ten, { policy: policy({ maxParallel: 3 }) });
  const decision = advance(begin, all(), 0);
  assert.equal(text(begin, decision), "Progressing 1: a Released, b Released, c Released");
  assert.match(decision.waitsFor ?? "", /3 devices under way/);
  const current = applied(begin, decision);
  const one = new Map([...all(), ...facts({ b: { answer: "succeeded" } })]);
  assert.match(text(current, advance(current, one, 1)), /b Succeeded, c Released, d Released$/);
});

test("keeps so many devices of each site serving, devices outside the rollout included", () => {
  const at = (site: string, change: Partial<Fact> = {}): Partial<Fact> => ({
    labels: { site },
    ...change,
  });
  const known = facts({
    a: at("x"),
    b: at("x"),
    c: at("x", { isServing: false }),
    d: at("y"),
    e: at("y"),
  });
  const begin = (minAvailable: unknown): Rollout =>
    rollout(
      ["a", "b", "d", "e"].map((name) => member(name)),
      {
        policy: policy({ budget: { groupBy: "site", minAvailable } }),
      },
    );
  const given = (minAvailable: unknown): string => {
    const current = begin(minAvailable);
    return text(current, advance(current, known, 0));
  };
  assert.equal(given(1), "Progressing 1: a Released, d Released");
  assert.equal(given(0), "Progressing 1: a Released, b Released, d Released, e Released");
  assert.equal(given(2), "Progressing 1:");
  // A share leaves room for one of a site, as long as the others serve.
  assert.equal(given("100%"), "Progressing 1: d Released");
  const current = begin(2);
  assert.match(advance(current, known, 0).waitsFor ?? "", /budget of site=x/);
});

test("a device that may begin at any moment takes its place in the budget", () => {
  const budget = { groupBy: "site", minAvailable: 2 };
  const at = { labels: { site: "x" } };
  const begin = rollout([member("a", { state: "Waiting", step: 0 }), member("b"), member("c")], {
    policy: policy({ budget }),
  });
  const known = (mayBegin: object): Facts => facts({ a: { ...at, ...mayBegin }, b: at, c: at });
  const shut = known({ mayBegin: true });
  assert.equal(text(begin, advance(begin, shut, 1)), "Progressing 1: a Waiting");
  const held = known({ isHeld: true });
  assert.equal(text(begin, advance(begin, held, 1)), "Progressing 1: a Waiting, b Released");
});

test("a pinned device changes nothing, so it neither waits for the budget nor takes from it", () => {
  const budget = { groupBy: "site", minAvailable: 2 };
  const at = { labels: { site: "x" } };
  const pinned = { ...at, isHeld: true, isPinned: true } as const;
  const begin = rollout([member("a"), member("b"), member("c")], { policy: policy({ budget }) });
  const known = facts({ a: pinned, b: pinned, c: at });
  assert.equal(
    text(begin, advance(begin, known, 1)),
    "Progressing 1: a Waiting, b Waiting, c Released",
  );
});

test("a pinned device is no failure for what it refused before the pin", () => {
  const pinned = { answer: "refused", isHeld: true, isPinned: true } as const;
  const begin = rollout([member("a", { state: "Waiting", step: 0 }), member("b")]);
  const known = facts({ a: pinned, b: { answer: "succeeded" } });
  const current = applied(begin, advance(begin, known, 1));
  assert.equal(text(current, advance(current, known, 2)), "Promoted 1: a Waiting, b Succeeded");
});

test("releases only within its windows, and says when the next one opens", () => {
  const windows = [{ from: "02:00", to: "04:00" }];
  const begin = rollout([member("a")], { policy: policy({ windows }) });
  const shut = advance(begin, facts({ a: {} }), 0);
  assert.deepEqual([text(begin, shut), shut.nextAt], ["Progressing 1:", 120 * minuteMs]);
  assert.equal(
    text(begin, advance(begin, facts({ a: {} }), 120 * minuteMs)),
    "Progressing 1: a Released",
  );
});
