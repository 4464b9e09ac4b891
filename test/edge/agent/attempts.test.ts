// What the journal says of an attempt that stumbles.
import * as assert from "node:assert/strict";
import { createAttempts } from "#edge/agent/attempts.ts";
import type { Journal } from "#edge/journal/port.ts";
import type { Attempt } from "#edge/plan/attempt.ts";
import { FleetError } from "#shared/errors.ts";
import { attempt, type StillClock, withScratch } from "#test/edge/journal/fixture.ts";
import { suite } from "#test/suite.ts";

const test = suite("attempts");

function attemptsOver(journal: Journal, clock: StillClock): ReturnType<typeof createAttempts> {
  return createAttempts({ journal, clock, random: () => 0.5, onClosed: () => undefined });
}

const onlyOne = (journal: Journal): Attempt => {
  const [open, ...more] = journal.openAttempts();
  assert.ok(open !== undefined && more.length === 0);
  return open;
};

test("keeps the reason of a way back, whatever goes wrong on it", () =>
  withScratch(({ open, clock }) => {
    const journal = open();
    const attempts = attemptsOver(journal, clock);
    const failure = { code: "crash_loop", message: "web-1 crashed 3 times", at: 1 };
    attempts.open(attempt("one", { stage: "rollBack", failure }));
    attempts.stumble(onlyOne(journal), new FleetError("disk_short", { message: "no space" }));
    assert.equal(onlyOne(journal).failure?.code, "crash_loop");
    attempts.fail(onlyOne(journal), { code: "internal", message: "the disk is gone", at: 2 });
    const [update] = journal.updates({ limit: 1 });
    assert.equal(update?.failure?.message, "web-1 crashed 3 times");
    assert.equal(update?.steps.at(-1)?.message, "the disk is gone");
  }));

test("journals the end of a stage that is tried again from an earlier one, and the new beginning", () =>
  withScratch(({ open, clock }) => {
    const journal = open();
    const attempts = attemptsOver(journal, clock);
    attempts.open(attempt("one", { stage: "verify" }));
    clock.advance(70);
    attempts.stumble(
      onlyOne(journal),
      new FleetError("bundle_corrupt", { message: "wrong sha256" }),
    );
    const steps = journal.entries({ kinds: ["step.started", "step.finished"], limit: 9 });
    assert.deepEqual(
      steps.toReversed().map(({ kind, body }) => `${kind} ${String(body["step"])}`),
      ["step.started verify", "step.finished verify", "step.started fetch"],
    );
    const { ok, code, durationMs } = steps[1]?.body ?? {};
    assert.deepEqual(
      { ok, code, durationMs },
      { ok: false, code: "bundle_corrupt", durationMs: 70 },
    );
    assert.equal(onlyOne(journal).stageMonotonicMs, clock.monotonicMs());
  }));

test("gives start and probe one grace period and each its own duration", () =>
  withScratch(({ open, clock }) => {
    const journal = open();
    const attempts = attemptsOver(journal, clock);
    attempts.open(attempt("one", { stage: "start" }));
    const began = onlyOne(journal).stageMonotonicMs;
    clock.advance(300);
    attempts.pass(onlyOne(journal));
    assert.equal(onlyOne(journal).graceMonotonicMs, began);
    clock.advance(50);
    attempts.pass(onlyOne(journal));
    assert.equal(onlyOne(journal).graceMonotonicMs, undefined);
    const steps = journal.entries({ kinds: ["step.finished"], limit: 2 });
    assert.deepEqual(
      steps.map(({ body }) => body["durationMs"]),
      [50, 300],
    );
  }));

test("what must serve again is tried again within seconds, what only prepares may wait", () =>
  withScratch(({ open, clock }) => {
    const journal = open();
    const attempts = attemptsOver(journal, clock);
    const waitOf = (stage: Attempt["stage"]): number => {
      const one = attempt(stage, { stage, tries: 20 });
      attempts.open(one);
      attempts.stumble(one, new FleetError("runtime_timeout", { message: "late" }));
      const saved = journal.openAttempts().find(({ id }) => id === stage);
      return (saved?.retryMonotonicMs ?? 0) - clock.monotonicMs();
    };
    assert.deepEqual(
      (["pull", "swap", "start", "rollBack"] as const).map(waitOf),
      [150_000, 150_000, 2500, 2500],
    );
  }));

test("a revision that failed while the clock stood in 1970 stays quarantined, however many others are", () =>
  withScratch(({ open, clock }) => {
    const journal = open();
    const attempts = attemptsOver(journal, clock);
    const fail = (name: string, at: number): Attempt => {
      attempts.open(attempt(name));
      const failed = onlyOne(journal);
      attempts.fail(failed, { code: "role_invalid", message: "no", at });
      return failed;
    };
    for (let at = 0; at < 32; at += 1) fail(`old ${at}`, 1_800_000_000_000 + at);
    const { to } = fail("now", 5000);
    const kept = journal.quarantined().map(({ revision }) => revision);
    assert.ok(kept.includes(to), "it would be tried again at once");
    assert.equal(kept.length, 32);
  }));
