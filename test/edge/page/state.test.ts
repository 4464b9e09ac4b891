import * as assert from "node:assert/strict";
import { type DeviceState, stateOf } from "#edge/page/state.ts";
import { type Liveness, type LocalStatus, livenessOf } from "#edge/page/status.ts";
import { suite } from "#test/suite.ts";
import { healthyScene, safeModeScene, updatingScene } from "./scenes.ts";

const test = suite("state in words");
const alive: Liveness = { alive: true };

const said = (status: LocalStatus, liveness: Liveness = alive): string =>
  stateOf(status, liveness).sentence;

function changed(fields: Partial<LocalStatus>): LocalStatus {
  return { ...healthyScene(), ...fields };
}

test("a device that is well says with which commit", () => {
  const status = healthyScene();
  const state: DeviceState = stateOf(status, alive);
  assert.equal(state.tone, "good");
  assert.equal(state.sentence, "This device is healthy and up to date with commit 4f1d9c2ab7e6.");
  assert.deepEqual(state.more, []);
  const [first, second] = status.apps;
  assert.ok(first && second?.current);
  const other = {
    ...second,
    current: { ...second.current, commit: "aabbccddeeff".padEnd(40, "0") },
  };
  assert.equal(
    said({ ...status, apps: [first, other] }),
    "This device is healthy and up to date with commits 4f1d9c2ab7e6 (robots) and aabbccddeeff (signage).",
  );
  assert.match(said(changed({ apps: [] })), /healthy, and no app is wanted/);
});

test("the first cause of the chain is the reason given", () => {
  assert.equal(
    said(updatingScene()),
    "This device is not up to date: robots: the images of the new release need 120 MB more than the disk has free.",
  );
});

test("what holds the whole device back comes before what holds an app back", () => {
  const why = [{ reason: "RuntimeUnavailable", message: "Docker does not answer" }];
  assert.equal(
    said({ ...updatingScene(), why }),
    "This device is not up to date: Docker does not answer.",
  );
});

test("an update that goes well is told as one, with its step", () => {
  const status = updatingScene();
  const [first, ...others] = status.apps;
  assert.ok(first);
  const { why: _, ...plain } = first;
  assert.equal(
    said({ ...status, apps: [plain, ...others] }),
    "This device is updating: robots to commit 9be03ac51d77, step pull at 40 %.",
  );
  const late = others.map((app) => ({ ...app, sync: "OutOfSync" as const }));
  assert.match(
    said({ ...status, apps: [plain, ...late] }),
    /One other app is not up to date either/,
  );
});

test("safe mode, a dead loop and a missing identity each come before all else", () => {
  assert.match(
    said(safeModeScene()),
    /^This device is in safe mode because three updates in a row/,
  );
  const dead: Liveness = { alive: false, reason: "no loop has ended for 9 s; 8 s are allowed" };
  assert.equal(
    said(safeModeScene(), dead),
    "The agent has stopped working: no loop has ended for 9 s; 8 s are allowed.",
  );
  assert.equal(
    said(changed({ enrolling: "the hub does not answer.", generation: 0, apps: [] })),
    "This device has not joined its fleet yet: the hub does not answer.",
  );
  assert.match(said(changed({ generation: 0, apps: [] })), /waits for its first desired state/);
});

test("up to date but sick, on hold, and unknown are told apart", () => {
  const [first, ...others] = healthyScene().apps;
  assert.ok(first);
  const apps = [{ ...first, health: "Degraded" as const }, ...others];
  assert.equal(
    said(changed({ apps, health: "Degraded" })),
    "This device is up to date, but not healthy: robots is Degraded.",
  );
  assert.match(said(changed({ mode: "hold" })), /on hold by the hub/);
  assert.match(said(changed({ sync: "Unknown" })), /does not know yet/);
});

test("a lost hub is said beside the state, and that everything local goes on", () => {
  const connection = { connected: false, via: "none" as const, lastContactAgoMs: 7_200_000 };
  assert.deepEqual(stateOf(changed({ connection }), alive).more, [
    "It last heard from the hub 2 h ago.",
    "Everything local goes on; reports are kept and sent later.",
  ]);
  const never = { connected: false, via: "none" as const, problem: "no route." };
  const { more } = stateOf(changed({ connection: never, isolated: true }), alive);
  assert.equal(more[0], "It has not heard from the hub since it started: no route.");
  assert.match(more[1] ?? "", /^It is isolated/);
});

test("one app's hung step is a dead agent, though the loop comes round", () => {
  const pulse = { lastMonotonicMs: 10_000, intervalMs: 1000, stepDeadlineMs: 5000 };
  assert.deepEqual(livenessOf(pulse, 10_000), { alive: true });
  const hung = "start of web does not end";
  const dead: Liveness = livenessOf({ ...pulse, hung }, 10_000);
  assert.deepEqual(dead, { alive: false, reason: hung });
  assert.equal(
    said(healthyScene(), dead),
    "The agent has stopped working: start of web does not end.",
  );
});
