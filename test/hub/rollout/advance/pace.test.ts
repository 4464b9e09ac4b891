// Devices of a step that begin one after the other, where the policy spreads them.
import assert from "node:assert/strict";
import { advance } from "#hub/rollout/advance/advance.ts";
import type { Fact, Facts, Rollout } from "#hub/rollout/advance/model.ts";
import { suite } from "#test/suite.ts";
import { applied, facts, member, policy, rollout } from "./fixture.ts";

const test = suite("hub/rollout/advance pace");
const names = Array.from({ length: 60 }, (_, at) => `pi-${String(at).padStart(2, "0")}`);
const all = (change: Partial<Fact> = {}): Facts =>
  facts(Object.fromEntries(names.map((name) => [name, change])));

function released({ members }: Rollout): number {
  return members.filter(({ state }) => state === "Released").length;
}

/** Looks whenever a decision asks for it.
 *  @returns how many devices had begun by each second, and the last second */
function play(spreadSeconds: number, known: Facts = all()): { begun: number[]; seconds: number } {
  const members = names.map((name) => member(name));
  let current = rollout(members, { policy: policy({ spreadSeconds, deadlineMinutes: 60 }) });
  const begun: number[] = [];
  let now = 1000;
  for (let looks = 0; released(current) < names.length; looks += 1) {
    assert.ok(looks < 200, "it never ends");
    const decision = advance(current, known, now);
    current = applied(current, decision);
    begun.push(released(current));
    assert.ok((decision.nextAt ?? 0) > now);
    now = released(current) < names.length ? (decision.nextAt ?? now) : now;
  }
  return { begun, seconds: (now - 1000) / 1000 };
}

test("devices begin one after the other, within the time that the policy gives", () => {
  const { begun, seconds } = play(120);
  assert.deepEqual(begun.slice(0, 4), [1, 2, 3, 4]);
  assert.ok(seconds > 110 && seconds <= 120, String(seconds));
});

test("many in a short time begin together, at one look a second", () => {
  const { begun, seconds } = play(6);
  assert.deepEqual(begun.slice(0, 3), [1, 11, 21]);
  assert.ok(seconds <= 7, String(seconds));
});

test("without a spread all begin at once, and who is away takes no turn", () => {
  assert.deepEqual(play(0), { begun: [60], seconds: 0 });
  const members = names.map((name) => member(name));
  const begin = rollout(members, { policy: policy({ spreadSeconds: 60 }) });
  const away = new Map([...all({ connection: "Offline" }), ...facts({ "pi-59": {} })]);
  const states = applied(begin, advance(begin, away, 0)).members.map(({ state }) => state);
  assert.deepEqual(
    [states.filter((one) => one === "Waiting").length, states.at(-1)],
    [59, "Released"],
  );
});
