// Every state of a rollout, how it is reached and how it is left; no state without a way out.
import assert from "node:assert/strict";
import { advance } from "#hub/rollout/advance/advance.ts";
import {
  type Facts,
  type Rollout,
  type RolloutState,
  rolloutStates,
} from "#hub/rollout/advance/model.ts";
import { order, orders, statesFor } from "#hub/rollout/advance/order.ts";
import { placementOf } from "#hub/rollout/advance/placement.ts";
import { suite } from "#test/suite.ts";
import { applied, facts, member, minuteMs, policy, rollout } from "./fixture.ts";

const test = suite("hub/rollout/advance states");

const steps = [{ count: 1, bakeMinutes: 1 }, { approval: true }];
const begin = rollout(
  ["a", "b", "c"].map((name) => member(name)),
  { policy: policy({ steps }) },
);
const said = (a: object, rest: object = {}): Facts => facts({ a, b: rest, c: rest });
const well = { answer: "succeeded" } as const;

/** Facts, or an order, or minutes that pass. */
type Act = Facts | (typeof orders)[number] | "halt and heal" | number;

function play(acts: readonly Act[], from = begin): Rollout {
  let now = 0;
  let known = said({});
  let current = from;
  for (const act of acts) {
    if (typeof act === "number") now += act * minuteMs;
    else if (typeof act !== "string") known = act;
    else {
      const ordered = order(
        current,
        act === "halt and heal" ? "halt" : act,
        act === "halt and heal",
      );
      assert.ok(ordered !== undefined, `${act} in ${current.state}`);
      current = applied(current, { head: { ...current, ...ordered.head }, marks: ordered.marks });
    }
    for (let round = 0; round < 5; round += 1)
      current = applied(current, advance(current, known, now));
  }
  return current;
}

const toBaking: Act[] = [said({}), said(well)];
const toApproval: Act[] = [...toBaking, 1];
const toPromoted: Act[] = [...toApproval, "approve", said(well, well)];
const toHalted: Act[] = [said({}), said({ answer: "refused" })];

/** By what each state is reached. A new commit, which ends all of them, is the controller's. */
const ways: Record<Exclude<RolloutState, "Superseded">, Act[][]> = {
  Progressing: [
    [said({})],
    [...toApproval, "approve"],
    ["pause", "resume"],
    [...toHalted, said({}), "resume"],
    [...toPromoted, "undo", said({}), "resume"],
  ],
  Baking: [toBaking],
  AwaitingApproval: [toApproval],
  Paused: [["pause"], [...toBaking, "pause"], [...toApproval, "pause"]],
  Halted: [
    toHalted,
    [said({}), "pause", said({ answer: "refused" })],
    ["halt"],
    [...toBaking, "halt and heal"],
  ],
  Undone: [["undo"], [...toBaking, "undo"], [...toHalted, "undo"], [...toPromoted, "undo"]],
  Promoted: [toPromoted, ["promote", said(well, well)], [...toHalted, said(well, well), "promote"]],
};

for (const [state, all] of Object.entries(ways)) {
  test(`${state} is reached in ${all.length} ways`, () => {
    for (const acts of all) assert.equal(play(acts).state, state);
  });
}

test("every state can be left by an order or by the devices, but for what a commit ended", () => {
  for (const state of rolloutStates) {
    const leaving = orders.filter((name) => statesFor(name).includes(state));
    if (state === "Superseded") assert.deepEqual(leaving, []);
    else assert.ok(leaving.length > 0, state);
  }
});

test("an order that means nothing in a state is refused", () => {
  for (const state of rolloutStates) {
    for (const name of orders) {
      const ordered = order({ ...begin, state }, name);
      assert.equal(ordered !== undefined, statesFor(name).includes(state), `${name} in ${state}`);
    }
  }
});

function placements({ state, members }: Rollout): string {
  return members.map((one) => placementOf(state, one)).join(" ");
}

test("a halt by itself and an undo send back what has the release; a halt by hand only on demand", () => {
  assert.equal(placements(play(toBaking)), "newest before before");
  assert.equal(placements(play(toHalted)), "base before before");
  assert.equal(placements(play([...toBaking, "halt"])), "newest before before");
  assert.equal(placements(play([...toBaking, "halt and heal"])), "base before before");
  assert.equal(placements(play([...toBaking, "undo"])), "base base base");
  assert.equal(placements(play(toPromoted)), "newest newest newest");
  assert.equal(placements(play([...toPromoted, "undo"])), "base base base");
});

test("a device that had nothing to change has the last promoted rendering until the end", () => {
  const of = rolloutStates.map((state) => `${state} ${placementOf(state, undefined)}`);
  assert.deepEqual(
    of.filter((line) => line.endsWith("newest")),
    ["Promoted newest", "Superseded newest"],
  );
});

test("resume after a halt begins again with the first step, after a pause where it was", () => {
  const again = play([...toHalted, said({}), "resume"]);
  assert.deepEqual(
    again.members.map(({ state, step }) => [state, step]),
    [
      ["Released", 0],
      ["Pending", null],
      ["Pending", null],
    ],
  );
  assert.equal(play([...toApproval, "approve", "pause", "resume"]).step, 1);
});

test("an approval counts after a pause, and is asked for again after a halt", () => {
  const approved: Act[] = [...toApproval, "approve"];
  assert.equal(play([...approved, "pause", "resume"]).state, "Progressing");
  const halted: Act[] = [...approved, said(well, { answer: "refused" }), said({})];
  assert.equal(play(halted).state, "Halted");
  assert.equal(play([...halted, "resume", said(well), 1]).state, "AwaitingApproval");
});

test("promote asks for no gate, window, budget or approval, and still halts", () => {
  const windows = [{ from: "02:00", to: "04:00" }];
  const budget = { groupBy: "site", minAvailable: 3 };
  const shut = { ...begin, policy: policy({ steps, windows, budget }) };
  const states = (one: Rollout): string[] => one.members.map(({ state }) => state);
  assert.deepEqual(states(play([said({})], shut)), ["Pending", "Pending", "Pending"]);
  assert.deepEqual(states(play(["promote"], shut)), ["Released", "Released", "Released"]);
  assert.equal(play(["promote", said({}, { answer: "refused" })], shut).state, "Halted");
});
