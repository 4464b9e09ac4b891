import * as assert from "node:assert/strict";
import type { AppName } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { attempt, withScratch } from "./fixture.ts";

const test = suite("update attempts in the journal");
const failure = { code: "unhealthy", message: "web answers 500", hint: "Read its log.", at: 9 };

test("are open until they are closed, also over a reopening", () =>
  withScratch(({ open }) => {
    const journal = open();
    journal.saveAttempt(attempt("one"));
    journal.saveAttempt(attempt("one", { stage: "pull" }));
    journal.close();
    const again = open();
    assert.deepEqual(again.openAttempts(), [attempt("one", { stage: "pull" })]);
    again.closeAttempt(attempt("one"), "succeeded", { quarantine: false });
    assert.deepEqual(again.openAttempts(), []);
  }));

test("journal their start once and their end", () =>
  withScratch(({ open }) => {
    const journal = open();
    journal.saveAttempt(attempt("one"));
    journal.saveAttempt(attempt("one", { stage: "swap" }));
    journal.closeAttempt(attempt("one"), "succeeded", { quarantine: false });
    assert.deepEqual(
      journal.entries({ limit: 10 }).map(({ kind }) => kind),
      ["update.finished", "update.started"],
    );
  }));

test("leave their revision in quarantine until someone lifts it", () =>
  withScratch(({ open }) => {
    const journal = open();
    const failed = attempt("one", { failure });
    journal.saveAttempt(failed);
    journal.closeAttempt(failed, "rolledBack", { quarantine: true });
    assert.deepEqual(journal.quarantined(), [{ app: failed.app, revision: failed.to, failure }]);
    journal.release(failed.app, failed.to);
    journal.release(failed.app, failed.to);
    assert.deepEqual(journal.quarantined(), []);
    assert.deepEqual(
      journal.entries({ kinds: ["event"], limit: 10 }).map(({ body }) => body["reason"]),
      ["QuarantineLifted", "ReleaseQuarantined"],
    );
  }));

test("become a history with steps, outcome and failure, newest first", () =>
  withScratch(({ open, clock }) => {
    const journal = open();
    const startedAt = clock.now();
    journal.saveAttempt(attempt("one"));
    journal.append({
      kind: "step.started",
      app: "player",
      body: { attempt: "one", step: "fetch" },
    });
    clock.advance(40);
    journal.append({
      kind: "step.finished",
      app: "player",
      body: { attempt: "one", step: "fetch", ok: false, durationMs: 40, message: "no bundle" },
    });
    journal.closeAttempt(attempt("one", { failure }), "refused", { quarantine: false });
    journal.saveAttempt(attempt("two", { app: "robot" as AppName }));
    journal.closeAttempt(attempt("two", { app: "robot" as AppName }), "succeeded", {
      quarantine: false,
    });
    const [second, first] = journal.updates({ limit: 10 });
    assert.equal(second?.outcome, "succeeded");
    assert.deepEqual(first, {
      attempt: "one",
      app: "player",
      revision: attempt("one").to,
      digest: attempt("one").digest,
      commit: attempt("one").commit,
      startedAt,
      finishedAt: startedAt + 40,
      outcome: "refused",
      failure: { ...failure, at: startedAt + 40 },
      steps: [
        { step: "fetch", at: startedAt + 40, durationMs: 40, ok: false, message: "no bundle" },
      ],
    });
    assert.deepEqual(journal.updates({ app: "player" as AppName, limit: 10 }), [first]);
    assert.equal(journal.updates({ limit: 1 }).length, 1);
  }));

test("show no failure of an earlier try once they have succeeded", () =>
  withScratch(({ open }) => {
    const journal = open();
    journal.saveAttempt(attempt("one"));
    journal.closeAttempt(attempt("one", { failure }), "succeeded", { quarantine: false });
    assert.equal(journal.updates({ limit: 1 })[0]?.failure, undefined);
  }));
