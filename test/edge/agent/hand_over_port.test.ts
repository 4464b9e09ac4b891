// Whose forwarded ports are: of two apps that want one, and of an app that cannot be seen.
import * as assert from "node:assert/strict";
import type { Observation } from "#edge/agent/gather.ts";
import { createHandOver } from "#edge/agent/hand_over.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { createMemoryForwarder } from "#edge/runtime/forward/memory.ts";
import { systemClock } from "#shared/clock.ts";
import { AppName } from "#shared/ids.ts";
import { suite } from "#test/suite.ts";
import { appInput, appSpec, instance, resolvedApp, revision } from "#test/support/app.ts";

const test = suite("hand-over: whose port it is");
const web = (published: number) => ({
  fleet: { update: "hand-over" as const },
  ports: [{ target: 80, published, protocol: "tcp" as const }],
});

/** An app whose release serves from one copy at that port. */
function serving(name: string, port: number, published = 8080): AppInput {
  const app = AppName.parse(name);
  const { policy, release } = appSpec("a");
  const backends = { 80: { host: "10.0.0.1", port } };
  return appInput({
    app,
    target: { spec: { ...appSpec("a"), name: app }, revision: revision("a") },
    current: revision("a"),
    serving: {
      app: { ...resolvedApp("a", { web: web(published) }), app },
      policy,
      commit: release.commit,
    },
    instances: [{ ...instance("web", 1, "web-a", { backends }), app }],
  });
}

const seen = (...apps: AppInput[]): Observation =>
  ({ apps, desired: {}, stored: [], instances: [], silent: new Map() }) as never;

function bench() {
  const forwarder = createMemoryForwarder();
  const log = { warn: () => undefined };
  return { forwarder, handOver: createHandOver({ forwarder, clock: systemClock, log }) };
}

test("leaves the port with the app whose clients it leads", async () => {
  const { forwarder, handOver } = bench();
  const [alpha, zeta] = [serving("alpha", 1), serving("zeta", 2)];
  await handOver.refresh(seen(zeta));
  await handOver.refresh(seen(alpha, zeta));
  const routes = (await forwarder.ask())?.routes ?? [];
  assert.deepEqual(
    routes.map(({ app, backends }) => [app, backends[0]?.port]),
    [["zeta", 2]],
  );
});

test("gives it to the other one when its app publishes it no more", async () => {
  const { forwarder, handOver } = bench();
  const [alpha, zeta] = [serving("alpha", 1), serving("zeta", 2)];
  await handOver.refresh(seen(zeta));
  await handOver.refresh(seen(alpha));
  assert.deepEqual(
    (await forwarder.ask())?.routes.map(({ app }) => app),
    ["alpha"],
  );
});

test("commits no release whose port leads to another app", async () => {
  const { handOver } = bench();
  const [alpha, zeta] = [serving("alpha", 1), serving("zeta", 2)];
  await handOver.refresh(seen(zeta));
  await handOver.refresh(seen(alpha, zeta));
  await assert.rejects(handOver.replacedBy(alpha), { code: "port_taken" });
  assert.deepEqual(await handOver.replacedBy(zeta), []);
});

test("a forwarder that does not answer loses no port of an app that cannot be seen now", async () => {
  const { forwarder, handOver } = bench();
  const [alpha, zeta] = [serving("alpha", 1, 8081), serving("zeta", 2)];
  await handOver.refresh(seen(zeta));
  forwarder.ask = async () => undefined;
  await handOver.refresh(seen(alpha, { ...zeta, blind: true }));
  const told = forwarder.tables.at(-1) ?? [];
  assert.deepEqual(
    told.map(({ app, port }) => [app, port]),
    [
      ["zeta", 8080],
      ["alpha", 8081],
    ],
  );
});
