import * as assert from "node:assert/strict";
import { converge } from "#edge/plan/converge.ts";
import { renderSteps } from "#edge/plan/step.ts";
import { suite } from "#test/suite.ts";
import { instance, resolvedApp } from "#test/support/app.ts";

const test = suite("converge");
const after = (
  condition: "service_started" | "service_healthy" | "service_completed_successfully",
) => ({
  condition,
  restart: false,
  required: true,
});

test("does nothing when every copy is as the release wants it", () => {
  const app = resolvedApp("a", { db: {}, web: { replicas: 2 } });
  const there = [
    instance("db", 1, "db-a"),
    instance("web", 1, "web-a"),
    instance("web", 2, "web-a"),
  ];
  assert.equal(renderSteps(converge(app, there)), "");
});

test("starts exactly the seven copies that a scale from three to ten lacks", () => {
  const app = resolvedApp("a", { robot: { replicas: 10, hash: "same" } });
  const there = [1, 2, 3].map((index) => instance("robot", index, "same"));
  assert.equal(
    renderSteps(converge(app, there)),
    "start robot-4 robot-5 robot-6 robot-7 robot-8 robot-9 robot-10",
  );
});

test("removes the highest copies of a service that was scaled down", () => {
  const app = resolvedApp("a", { robot: { replicas: 1 } });
  const there = [1, 2, 3].map((index) => instance("robot", index, "robot-a"));
  assert.equal(renderSteps(converge(app, there)), "stop robot-3 robot-2");
});

test("never touches a service whose hash is the same in the new release", () => {
  const app = resolvedApp("b", { db: { hash: "db-a" }, web: {} });
  const there = [instance("db", 1, "db-a"), instance("web", 1, "web-a")];
  assert.equal(renderSteps(converge(app, there)), "stop web-1");
  assert.equal(renderSteps(converge(app, there.slice(0, 1))), "start web-1");
});

test("stops what changed, dependents first, before anything starts", () => {
  const app = resolvedApp("b", { db: {}, web: { dependsOn: { db: after("service_started") } } });
  const there = [instance("db", 1, "db-a"), instance("web", 1, "web-a")];
  assert.equal(renderSteps(converge(app, there)), "stop web-1 db-1");
});

test("removes what belongs to no service, and what has taken another's place", () => {
  const app = resolvedApp("a", { web: {} });
  const there = [
    instance("web", 1, "web-a"),
    instance("web", 1, "web-a", { id: "second" }),
    instance("old", 1, "old-a"),
  ];
  assert.equal(renderSteps(converge(app, there)), "stop old-1 web-1");
});

test("starts a dependent only when its dependency is healthy", () => {
  const app = resolvedApp("a", { db: {}, web: { dependsOn: { db: after("service_healthy") } } });
  assert.equal(renderSteps(converge(app, [])), "start db-1");
  const starting = [instance("db", 1, "db-a", { health: "starting" })];
  assert.equal(renderSteps(converge(app, starting)), "wait web: web waits for db to be healthy");
  const healthy = [instance("db", 1, "db-a", { health: "healthy" })];
  assert.equal(renderSteps(converge(app, healthy)), "start web-1");
});

test("waits for a one-shot service to complete, and leaves it ended", () => {
  const once = { restart: { name: "no", maxAttempts: 0 } } as const;
  const app = resolvedApp("a", {
    init: once,
    web: { dependsOn: { init: after("service_completed_successfully") } },
  });
  const running = [instance("init", 1, "init-a")];
  assert.equal(renderSteps(converge(app, running)), "wait web: web waits for init to be completed");
  const done = [instance("init", 1, "init-a", { state: "exited", exitCode: 0 })];
  assert.equal(renderSteps(converge(app, done)), "start web-1");
});

test("starts again what a person stopped, unless its policy lets it rest", () => {
  const stopped = { state: "exited", exitCode: 137 } as const;
  const always = resolvedApp("a", { web: {} });
  assert.equal(
    renderSteps(converge(always, [instance("web", 1, "web-a", stopped)])),
    "start web-1",
  );
  const never = resolvedApp("a", { web: { restart: { name: "no", maxAttempts: 0 } } });
  assert.equal(renderSteps(converge(never, [instance("web", 1, "web-a", stopped)])), "");
});

test("leaves a copy that used up its tries for people to see", () => {
  const app = resolvedApp("a", { web: { restart: { name: "on-failure", maxAttempts: 2 } } });
  const ended = instance("web", 1, "web-a", { state: "exited", exitCode: 1, restarts: 2 });
  assert.equal(renderSteps(converge(app, [ended])), "");
});

test("replaces dependents together with a service that they must be restarted with", () => {
  const app = resolvedApp("b", {
    db: {},
    web: { hash: "web-a", dependsOn: { db: { ...after("service_started"), restart: true } } },
  });
  const there = [instance("db", 1, "db-a"), instance("web", 1, "web-a")];
  assert.equal(renderSteps(converge(app, there)), "stop web-1 db-1");
});

const fleet = { update: "hand-over" } as const;
const steps = (
  app: Parameters<typeof converge>[0],
  there: Parameters<typeof converge>[1],
  replaced: "stay" | "last" = "last",
): string => renderSteps(converge(app, there, replaced));
const old = instance("web", 1, "web-a", { id: "old" });
const fresh = instance("web", 1, "web-b", { id: "new" });

test("of a service that is handed over starts the new copy first and removes the old one last", () => {
  const app = resolvedApp("b", { web: { fleet } });
  assert.equal(steps(app, [old]), "start web-1");
  const [step] = converge(app, [old, fresh]);
  assert.deepEqual(step?.kind === "remove" && step.instances, [old]);
  assert.equal(steps(app, [fresh]), "");
});

test("leaves the old copy alone for as long as the new one is on trial", () => {
  const app = resolvedApp("b", { web: { fleet } });
  assert.equal(steps(app, [old], "stay"), "start web-1");
  assert.equal(steps(app, [old, fresh], "stay"), "");
});

test("goes back by removing the new copy, and never touches the old one", () => {
  const app = resolvedApp("a", { web: { fleet } });
  const [step] = converge(app, [old, fresh]);
  assert.deepEqual(step?.kind === "remove" && step.instances, [fresh]);
});

for (const [what, state] of [
  ["only created", { state: "created" }],
  ["in its start period", { health: "starting" }],
] as const) {
  test(`keeps the old copy while its successor is ${what}`, () => {
    const app = resolvedApp("b", { web: { fleet } });
    assert.doesNotMatch(steps(app, [old, { ...fresh, ...state }]), /stop/);
  });
}

test("keeps the old copies until each of several successors is there", () => {
  const app = resolvedApp("b", { web: { fleet, replicas: 2 } });
  const olds = [old, instance("web", 2, "web-a")];
  assert.equal(steps(app, olds), "start web-1 web-2");
  assert.equal(steps(app, [...olds, fresh]), "start web-2");
  assert.equal(steps(app, [...olds, fresh, instance("web", 2, "web-b")]), "stop web-2 web-1");
});

test("on trial keeps also what the new release scales away, and removes it after", () => {
  const app = resolvedApp("b", { web: { fleet, replicas: 1, hash: "web-a" } });
  const there = [old, instance("web", 2, "web-a")];
  assert.equal(steps(app, there, "stay"), "");
  assert.equal(steps(app, there), "stop web-2");
});

test("scales up beside the old copies of another configuration", () => {
  const app = resolvedApp("b", { web: { fleet, replicas: 2, hash: "web-a" } });
  assert.equal(steps(app, [old], "stay"), "start web-2");
});

test("removes first what is no copy of ours, what is dead, and a service that is gone", () => {
  const app = resolvedApp("b", { web: { fleet } });
  const foreign = instance("web", 1, "", { id: "foreign" });
  const dead = instance("web", 1, "web-a", { id: "dead", state: "dead" });
  assert.equal(steps(app, [foreign], "stay"), "stop web-1");
  assert.equal(steps(app, [dead], "stay"), "stop web-1");
  assert.equal(steps(app, [instance("gone", 1, "gone-a")], "stay"), "stop gone-1");
});

test("removes the old copy first where the service is no longer handed over", () => {
  const app = resolvedApp("b", { web: {} });
  assert.equal(steps(app, [old], "stay"), "stop web-1");
});

test("starts beside a copy that was not handed over, which goes when the new one has proved itself", () => {
  const app = resolvedApp("b", { web: { fleet } });
  assert.equal(steps(app, [old], "stay"), "start web-1");
  assert.equal(steps(app, [old, fresh]), "stop web-1");
});

test("waits for the new copy of a dependency, and is not satisfied by the old one", () => {
  const app = resolvedApp("b", {
    db: { fleet },
    web: { fleet, dependsOn: { db: after("service_healthy") } },
  });
  const there = [instance("db", 1, "db-a", { health: "healthy" }), old];
  assert.equal(steps(app, there, "stay"), "start db-1");
  const early = [...there, instance("db", 1, "db-b", { health: "starting" })];
  assert.equal(steps(app, early, "stay"), "wait web: web waits for db to be healthy");
});

test("restarts a dependent only once the old copy of its dependency goes", () => {
  const app = resolvedApp("b", {
    web: { fleet },
    view: { hash: "view-a", dependsOn: { web: { ...after("service_started"), restart: true } } },
  });
  const there = [old, fresh, instance("view", 1, "view-a")];
  assert.equal(steps(app, there, "stay"), "");
  assert.equal(steps(app, there), "stop view-1 web-1");
  assert.equal(steps(app, [fresh]), "start view-1");
});

test("removes replaced copies although another service of the app cannot start", () => {
  const app = resolvedApp("b", { web: { fleet }, other: {} });
  assert.equal(steps(app, [old, fresh]), "stop web-1");
});

test("a copy that was edited is started again in place, and one that lost something goes first", () => {
  const app = resolvedApp("a", { web: {} });
  assert.equal(steps(app, [instance("web", 1, "web-a", { edited: ["limits"] })]), "start web-1");
  assert.equal(steps(app, [instance("web", 1, "web-a", { lost: ["volume"] })]), "stop web-1");
});

test("attaches again a copy that lost a network", () => {
  const app = resolvedApp("a", { web: {} });
  const torn = instance("web", 1, "web-a", { detachedFrom: ["web_default"] });
  assert.equal(steps(app, [torn]), "start web-1");
});
