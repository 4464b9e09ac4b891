import * as assert from "node:assert/strict";
import type { Attempt, Stage } from "#edge/plan/attempt.ts";
import { machine, preparing } from "#edge/plan/attempt.ts";
import type { AppInput, Runnable } from "#edge/plan/input.ts";
import { plan } from "#edge/plan/plan.ts";
import { renderSteps } from "#edge/plan/step.ts";
import { revisionOf } from "#shared/desired.ts";
import { suite } from "#test/suite.ts";
import { appInput, appName, appSpec, instance, resolvedApp, revision } from "#test/support/app.ts";

const test = suite("plan");
const wanted = appSpec("b");
const target = { spec: wanted, revision: revisionOf(wanted) };
const short = target.revision.slice(0, 7);

function runnable(letter: string): Runnable {
  const { policy, release } = wanted;
  return { app: resolvedApp(letter, { web: {} }), policy, commit: release.commit };
}

function attempt(stage: Stage, more: Partial<Attempt> = {}): Attempt {
  return {
    id: "attempt",
    app: appName,
    from: revision("a"),
    to: target.revision,
    digest: wanted.release.digest,
    commit: wanted.release.commit,
    stage,
    startedAt: 0,
    startedMonotonicMs: 599_000,
    stageMonotonicMs: 599_000,
    bootId: "boot",
    tries: 0,
    ...more,
  };
}

/** Release a serves and runs; b is wanted. */
function updating(stage: Stage, more: Partial<AppInput> = {}): AppInput {
  const swapped = !preparing.has(stage) && stage !== "swap" && stage !== "restore";
  const serving = runnable(swapped ? "b" : "a");
  return appInput({
    target,
    current: swapped ? target.revision : revision("a"),
    serving,
    instances: [instance("web", 1, "web-a")],
    attempt: attempt(stage),
    ...more,
  });
}

const rendered = (input: AppInput): string => renderSteps(plan(input));

test("prepares everything before the swap touches what serves", () => {
  const fresh = updating("fetch");
  delete fresh.attempt;
  assert.equal(
    rendered(fresh),
    ["begin", "fetch", "verify", "stage", "validate", "pull", "hold", "check", "swap"]
      .map((kind) => `${kind} web@${short}`)
      .join(" -> "),
  );
});

test("notes the commit of a revert that asks for what serves already", () => {
  const input = appInput({
    target,
    current: target.revision,
    serving: { ...runnable("b"), commit: "d".repeat(40) },
    instances: [instance("web", 1, "web-b")],
  });
  assert.equal(rendered(input), `relabel web@${short}`);
});

test("says and does nothing when the device is converged", () => {
  const input = appInput({
    target,
    current: target.revision,
    serving: runnable("b"),
    instances: [instance("web", 1, "web-b")],
  });
  assert.deepEqual(plan(input), []);
});

test("replaces the changed service after the swap, then watches it, then commits", () => {
  assert.equal(rendered(updating("start")), "stop web-1");
  assert.equal(rendered(updating("start", { instances: [] })), "start web-1");
  const instances = [instance("web", 1, "web-b")];
  assert.equal(rendered(updating("start", { instances })), "advance web past start");
  assert.equal(rendered(updating("probe", { instances })), `probe web@${short}`);
  const fine = updating("probe", { instances, fineSinceMs: 598_000 });
  assert.equal(
    rendered(fine),
    `advance web past probe -> switch web@${short} -> commit web@${short}`,
  );
});

test("does not commit before the release was fine for its whole stable time", () => {
  const instances = [instance("web", 1, "web-b")];
  const input = updating("probe", { instances, fineSinceMs: 599_500 });
  assert.equal(rendered(input), `probe web@${short}`);
});

for (const [what, copy, code] of [
  ["ends with an error", { state: "exited", exitCode: 1 }, "start_failed"],
  ["ends at once though it should stay", { state: "exited", exitCode: 0 }, "start_failed"],
  ["crashes again and again", { state: "restarting", restarts: 3 }, "crash_loop"],
] as const) {
  test(`fails at once when a new copy ${what}`, () => {
    const instances = [instance("web", 1, "web-b", copy)];
    assert.equal(rendered(updating("probe", { instances })), `fail web at probe: ${code}`);
  });
}

test("waits for health until the grace period ends, then fails with the last reason", () => {
  const instances = [instance("web", 1, "web-b", { health: "unhealthy" })];
  assert.equal(rendered(updating("probe", { instances })), `probe web@${short}`);
  const late = attempt("probe", { stageMonotonicMs: 590_000 });
  const [step] = plan(updating("probe", { instances, attempt: late }));
  assert.equal(step?.kind === "fail" && step.failure.code, "unhealthy");
  assert.match(step?.kind === "fail" ? step.failure.message : "", /10 s .* web-1 is unhealthy/);
});

test("judges the role's probes only by a round since the start", () => {
  const instances = [instance("web", 1, "web-b")];
  const results = [{ probe: "http", ok: false, detail: "answered 500, wanted 2xx" }];
  const old = { atMs: 1, results: [{ probe: "http", ok: true, detail: "" }] };
  const late = attempt("probe", { stageMonotonicMs: 590_000 });
  const common = { instances, attempt: late, hasProbes: true, fineSinceMs: 590_000 };
  const [stale] = plan(updating("probe", { ...common, probes: old }));
  assert.match(stale?.kind === "fail" ? stale.failure.message : "", /have not run/);
  const [bad] = plan(updating("probe", { ...common, probes: { atMs: 599_000, results } }));
  assert.match(bad?.kind === "fail" ? bad.failure.message : "", /answered 500/);
});

test("does not hold a release guilty for a service that it did not change", () => {
  const instances = [instance("web", 1, "web-b", { health: "unhealthy" })];
  const input = updating("probe", {
    instances,
    unchanged: new Set(["web-b/1"]),
    fineSinceMs: 590_000,
  });
  assert.equal(
    rendered(input),
    `advance web past probe -> switch web@${short} -> commit web@${short}`,
  );
});

test("rolls the link back, restores the old services, and closes the attempt", () => {
  const back = `rollBack web@${revision("a").slice(0, 7)}`;
  assert.equal(rendered(updating("rollBack")), back);
  const instances = [instance("web", 1, "web-b")];
  assert.equal(
    rendered(updating("restore", { instances })),
    "stop web-1 -> close web as rolledBack",
  );
  assert.equal(rendered(updating("restore")), "close web as rolledBack");
});

test("clears away a first release that failed, since there is nothing to go back to", () => {
  const { from: _, ...first } = attempt("restore");
  const input = appInput({ target, attempt: first, instances: [instance("web", 1, "web-b")] });
  assert.equal(rendered(input), "stop web-1 -> close web as rolledBack");
});

test("never tries a quarantined release again, and keeps the old one healthy", () => {
  const failure = { code: "unhealthy", message: "answered 500", at: 0 };
  const quarantined = new Map([[target.revision, failure]]);
  const { attempt: _, ...rest } = updating("fetch");
  assert.equal(rendered({ ...rest, quarantined }), "");
  assert.equal(rendered({ ...rest, quarantined, instances: [] }), "start web-1");
});

test("gives a new wish way at a step's boundary", () => {
  const other = { spec: appSpec("c"), revision: revisionOf(appSpec("c")) };
  assert.equal(rendered(updating("pull", { target: other })), "close web as superseded");
  const back = revision("a").slice(0, 7);
  assert.equal(rendered(updating("probe", { target: other })), `abandon web@${back}`);
});

test("finishes going back before it tries anything else", () => {
  const other = { spec: appSpec("c"), revision: revisionOf(appSpec("c")) };
  assert.equal(rendered(updating("restore", { target: other })), "close web as rolledBack");
});

test("waits out a passing failure while it keeps the old release healthy", () => {
  const failure = { code: "registry_unreachable", message: "no route", at: 0 };
  const waiting = attempt("pull", { retryMonotonicMs: 601_000, failure, tries: 1 });
  assert.equal(
    rendered(updating("pull", { attempt: waiting, instances: [] })),
    "start web-1 -> wait web: tries pull again: no route",
  );
});

test("heals what runs beside a preparation that takes long", () => {
  const long = attempt("fetch", { startedMonotonicMs: 500_000 });
  assert.match(
    rendered(updating("fetch", { attempt: long, instances: [] })),
    /^start web-1 -> fetch/,
  );
  assert.match(rendered(updating("fetch", { instances: [] })), /^fetch/);
});

test("stops and forgets an app that nobody wants, but not while a runtime is silent", () => {
  const input = appInput({ current: revision("a"), instances: [instance("web", 1, "web-a")] });
  assert.equal(rendered(input), "stop web-1 -> forget web");
  assert.equal(rendered({ ...input, blind: true }), "wait web: no runtime answers");
});

test("on hold and in safe mode nothing goes that serves, though nobody wants it and its files are damaged", () => {
  const input = appInput({ current: revision("a"), instances: [instance("web", 1, "web-a")] });
  assert.equal(rendered({ ...input, mode: "hold" }), "");
  assert.equal(rendered({ ...input, mode: "safe" }), "");
});

test("begins nothing on hold, but heals", () => {
  const { attempt: _, ...rest } = updating("fetch");
  assert.equal(rendered({ ...rest, mode: "hold" }), "");
  assert.equal(rendered({ ...rest, mode: "hold", instances: [] }), "start web-1");
});

test("every stage of the machine leads to an end, whether it goes well or not", () => {
  const ends = new Set(["succeeded", "refused", "rolledBack"]);
  for (const stage of Object.keys(machine) as Stage[]) {
    for (const way of ["ok", "fail"] as const) {
      let at: string = stage;
      for (let hops = 0; at in machine && hops <= Object.keys(machine).length; hops += 1) {
        at = machine[at as Stage][way];
      }
      assert.ok(ends.has(at), `${stage} by ${way} ends at ${at}`);
    }
  }
});
