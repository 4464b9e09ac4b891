// Updates that are handed over, by the real loop, and its death at every call that it makes.
import * as assert from "node:assert/strict";
import { suite } from "#test/suite.ts";
import { composeOf } from "./bundles.ts";
import { withProbe } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: hand-over", { limitMs: 300_000 });

const more = '    x-fleet: { update: hand-over }\n    ports: ["8080:80"]\n';
const wanted = (letter: string) => ({
  letter,
  compose: composeOf(letter, more),
  role: withProbe,
  policy: { gracePeriodMs: 5000, stableMs: 100 },
});

interface Watched {
  /** The copy that serves at the beginning. */
  first: number;
  /** Ports of copies that were removed while clients were led to them. */
  cut: number[];
}

/** Ports that clients are led to. */
const led = (world: World): number[] =>
  (world.forwarder.tables.at(-1) ?? []).flatMap(({ backends }) => backends.map(({ port }) => port));

async function serving(world: World): Promise<Watched> {
  world.probes = (letter) => [{ probe: "http", ok: letter !== "sick", detail: "answered 500" }];
  const spec = world.want(wanted("a"));
  world.start();
  await world.converged(spec);
  await world.until("a route", () => led(world).length === 1);
  const watched: Watched = { first: led(world)[0] ?? 0, cut: [] };
  const { remove } = world.runtime;
  world.runtime.remove = async (instance) => {
    const port = instance.backends?.["80"]?.port ?? 0;
    if (led(world).includes(port)) watched.cut.push(port);
    await remove(instance);
  };
  world.forwarder.tables.splice(0, world.forwarder.tables.length - 1);
  return watched;
}

function assertNoGap(world: World, { cut }: Watched): void {
  assert.deepEqual(cut, [], "a copy was removed while clients were led to it");
  for (const table of world.forwarder.tables) {
    assert.deepEqual(
      table.map(({ backends }) => backends.length),
      [1],
      "clients had nowhere to go",
    );
  }
}

async function fails(world: World, watched: Watched): Promise<void> {
  await world.until("the old copy alone", () => world.app()?.services[0] !== undefined);
  assertNoGap(world, watched);
  assert.deepEqual(led(world), [watched.first]);
  assert.equal(world.forwarder.tables.length, 1, "clients were led elsewhere");
}

test(
  "starts beside, leads the clients over, and removes the old copy last",
  within(async (world) => {
    const watched = await serving(world);
    world.runtime.calls.length = 0;
    await world.converged(world.want(wanted("b")));
    const changes = world.runtime.calls.filter((call) => /^(start|remove)/.test(call));
    assert.deepEqual(changes, ["start web/web.1", "remove web/web.1"]);
    assert.equal(world.forwarder.tables.length, 2);
    assert.notDeepEqual(led(world), [watched.first]);
    assertNoGap(world, watched);
  }),
);

test(
  "leaves the old copy and its clients untouched when the new one fails",
  within(async (world) => {
    const watched = await serving(world);
    const before = await world.copies();
    const spec = world.want(wanted("sick"));
    await world.ended(spec, "rolledBack");
    await fails(world, watched);
    assert.deepEqual(await world.copies(), before);
  }),
);

test(
  "a forwarder that is away at the switch costs no release that has proved itself",
  within(async (world) => {
    await serving(world);
    const { ask } = world.forwarder;
    let unanswered = 0;
    world.forwarder.ask = async () => {
      const isSwitching = world.journal().openAttempts()[0]?.stage === "switch";
      if (!isSwitching || unanswered >= 3) return ask();
      unanswered += 1;
      return undefined;
    };
    await world.converged(world.want(wanted("b")));
    assert.equal(unanswered, 3);
  }),
);

test(
  "leads the clients on at once when the forwarder was killed",
  within(async (world) => {
    await serving(world);
    // Until nothing but the interval would wake the loop.
    await world.clock.sleep(1000);
    world.forwarder.tables.length = 0;
    const diedMs = world.clock.monotonicMs();
    world.forwarder.die();
    await world.until("the table", () => led(world).length === 1);
    const tookMs = world.clock.monotonicMs() - diedMs;
    assert.ok(tookMs < 5000, `${tookMs} ms`);
  }),
);

for (const letter of ["b", "sick"]) {
  test(`no client is left alone wherever the agent dies in a hand-over to ${letter}`, async () => {
    for (let calls = 0; calls < 60; calls += 3) {
      await within(async (world) => {
        const watched = await serving(world);
        const spec = world.want(wanted(letter));
        await world.kill(calls);
        world.start();
        if (letter === "sick") {
          await world.ended(spec, "rolledBack");
          await fails(world, watched);
        } else {
          await world.converged(spec);
          await world.until("the old copy's end", () => !led(world).includes(watched.first));
          assertNoGap(world, watched);
        }
      })();
    }
  });
}
