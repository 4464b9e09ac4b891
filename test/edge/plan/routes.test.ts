import * as assert from "node:assert/strict";
import type { Attempt, Stage } from "#edge/plan/attempt.ts";
import type { AppInput, Runnable } from "#edge/plan/input.ts";
import { routesOf } from "#edge/plan/routes.ts";
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import type { ComposeService } from "#shared/compose/model.ts";
import { revisionOf } from "#shared/desired.ts";
import { suite } from "#test/suite.ts";
import { appInput, appName, appSpec, instance, resolvedApp, revision } from "#test/support/app.ts";

const test = suite("routes");
const wanted = appSpec("b");
const to = revisionOf(wanted);
const from = revision("a");
const ports: ComposeService["ports"] = [{ target: 80, published: 8080, protocol: "tcp" }];
const handedOver = { fleet: { update: "hand-over" }, ports } as const;

const release = (letter: string, web: Partial<ComposeService> = handedOver): ResolvedApp =>
  resolvedApp(letter, { web });

function copy(
  letter: string,
  port: number,
  more: Partial<ObservedInstance> = {},
): ObservedInstance {
  const backends = { 80: { host: "10.0.0.1", port } };
  return instance("web", 1, `web-${letter}`, { id: `${port}`, backends, ...more });
}

const old = copy("a", 1);
const fresh = copy("b", 2);

interface Situation extends Partial<AppInput> {
  stage?: Stage;
  serves?: ResolvedApp;
}

function situation({ stage, serves = release("a"), ...more }: Situation): AppInput {
  const { policy } = wanted;
  const serving: Runnable = { app: serves, policy, commit: wanted.release.commit };
  const attempt = { app: appName, from, to, stage } as Attempt;
  return appInput({
    target: { spec: wanted, revision: to },
    current: from,
    serving,
    instances: [old, fresh],
    ...(stage === undefined ? {} : { attempt, before: release("a") }),
    ...more,
  });
}

/** `host:port->backend ports`. */
function drawn(given: Situation): string | undefined {
  return routesOf(situation(given))
    ?.map(({ host, port, backends }) => `${host}:${port}->${backends.map((b) => b.port).join()}`)
    .join(" ");
}

const swapped = { current: to, serves: release("b") };

for (const [stage, place, backend] of [
  ["pull", {}, 1],
  ["swap", {}, 1],
  ["swap", swapped, 1],
  ["start", swapped, 1],
  ["probe", swapped, 1],
  ["switch", swapped, 2],
  ["commit", swapped, 2],
  ["rollBack", swapped, 1],
  ["rollBack", {}, 1],
  ["restore", {}, 1],
] as const) {
  test(`at ${stage} on ${"current" in place ? "the new" : "the old"} release lead to copy ${backend}`, () => {
    assert.equal(drawn({ stage, ...place }), `:8080->${backend}`);
  });
}

test("lead to the copies of the current release between updates", () => {
  assert.equal(drawn({}), ":8080->1");
  assert.equal(drawn(swapped), ":8080->2");
});

test("between updates lead to another release's copy rather than to none, on trial never", () => {
  assert.equal(drawn({ ...swapped, instances: [old] }), ":8080->1");
  assert.equal(drawn({ ...swapped, stage: "probe", instances: [fresh] }), ":8080->");
});

test("prefer copies that are fine, and leave out those that do not run or are scaled away", () => {
  const sick = copy("a", 3, { index: 2, health: "unhealthy" });
  const serves = resolvedApp("a", { web: { ...handedOver, replicas: 2 } });
  assert.equal(drawn({ serves, instances: [old, sick] }), ":8080->1");
  assert.equal(drawn({ serves, instances: [sick] }), ":8080->3");
  const ended = { ...old, state: "exited" } as const;
  assert.equal(drawn({ instances: [ended] }), ":8080->");
  assert.equal(drawn({ instances: [old, copy("a", 4, { index: 2 })] }), ":8080->1");
});

test("cannot be told while no runtime answers or the release cannot be read", () => {
  assert.equal(drawn({ blind: true }), undefined);
  const { serving: _, ...unread } = situation({});
  assert.equal(routesOf(unread), undefined);
  const { before: _before, ...unreadBefore } = situation({ stage: "probe", ...swapped });
  assert.equal(routesOf(unreadBefore), undefined);
});

test("are none for an app that leaves, but stay on hold", () => {
  const { target: _, ...leaving } = situation({});
  assert.deepEqual(routesOf(leaving), []);
  assert.equal(routesOf({ ...leaving, mode: "hold" })?.length, 1);
});

test("of a first release lead to it at once, and are none on its way back", () => {
  const { from: _, ...first } = situation({ stage: "probe", ...swapped }).attempt as Attempt;
  const input = situation({ ...swapped, instances: [fresh] });
  assert.equal(routesOf({ ...input, attempt: first })?.[0]?.backends[0]?.port, 2);
  assert.deepEqual(routesOf({ ...input, attempt: { ...first, stage: "rollBack" } }), []);
});

test("let go of a port for a release that publishes it itself, once the old copies are gone", () => {
  const normal = { current: to, serves: release("b", { ports }), stage: "start" } as const;
  assert.equal(drawn({ ...normal, instances: [old] }), ":8080->1");
  assert.equal(drawn({ ...normal, instances: [] }), "");
});

test("take a port over from a release that published it itself only at the switch", () => {
  const before = release("a", { ports });
  const taking = { ...swapped, before, instances: [fresh] };
  assert.equal(drawn({ ...taking, stage: "probe" }), "");
  assert.equal(drawn({ ...taking, stage: "switch" }), ":8080->2");
});

test("move to another port at the switch, whether or not the copies change", () => {
  const moved = [{ target: 80, published: 9090, hostIp: "127.0.0.1", protocol: "tcp" }] as const;
  const serves = resolvedApp("b", { web: { ...handedOver, ports: [...moved], hash: "web-a" } });
  const moving = { current: to, serves, instances: [old] };
  assert.equal(drawn({ ...moving, stage: "probe" }), ":8080->1");
  assert.equal(drawn({ ...moving, stage: "switch" }), "127.0.0.1:9090->1");
});

test("are none for a service without copies, and none for ports that the Engine picks", () => {
  assert.equal(drawn({ serves: release("a", { ...handedOver, replicas: 0 }) }), "");
  const picked = release("a", { ...handedOver, ports: [{ target: 80, protocol: "tcp" }] });
  assert.equal(drawn({ serves: picked }), "");
});
