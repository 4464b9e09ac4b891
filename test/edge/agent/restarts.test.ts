// Copies that their own restart policy starts again: what the device tells of it, on each runtime.
import * as assert from "node:assert/strict";
import { createRestarts } from "#edge/agent/restarts.ts";
import type { Journal } from "#edge/journal/port.ts";
import type { AppInput } from "#edge/plan/input.ts";
import type { ObservedInstance, ResolvedApp, Runtime } from "#edge/runtime/port.ts";
import { systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { scratch } from "#test/edge/journal/fixture.ts";
import { closeDevice, testDevice } from "#test/edge/runtime/docker/device.ts";
import { benchTests, shell } from "#test/edge/runtime/process/fixture.ts";
import { suite } from "#test/suite.ts";
import { serving } from "./serving.ts";
import { type World, within } from "./world.ts";

const test = suite("the loop: restarts by policy");
test.after(closeDevice);

const restarted = (journal: Journal): string[] =>
  journal
    .entries({ kinds: ["event"], limit: 50 })
    .filter(({ body }) => body["reason"] === "ServiceRestarted")
    .map(({ body }) => String(body["message"]))
    .toReversed();
const told = (world: World): string[] => restarted(world.journal());

test(
  "each change of the count is one event, over a restart of the agent too",
  within(async (world) => {
    await serving(world);
    world.runtime.change("web", 1, { restarts: 1, exitCode: 3 });
    await world.until("an event", () => told(world).length === 1);
    await world.passed(60_000);
    await world.kill();
    world.start();
    await world.passed(60_000);
    assert.deepEqual(told(world), [
      "web-1 of web was started again by its restart policy; it had ended with exit code 3",
    ]);
    await world.kill();
    world.runtime.change("web", 1, { restarts: 4 });
    world.start();
    await world.until("another event", () => told(world).length === 2);
    assert.match(
      told(world)[1] ?? "",
      /^web-1 of web was started again by its restart policy 3 times/,
    );
  }),
);

test(
  "a copy that falls all the time fills no journal, and what is gone is forgotten",
  within(async (world) => {
    await serving(world);
    const until = world.clock.monotonicMs() + 1_800_000;
    for (let restarts = 1; world.clock.monotonicMs() < until; restarts += 1) {
      world.runtime.change("web", 1, { restarts });
      await world.passed(15_000);
    }
    const events = told(world).length;
    assert.ok(events >= 6 && events <= 12, `${events} events in half an hour`);
    const kept = (): string[] => Object.keys(world.journal().recall("restarts") ?? {});
    const [old] = kept();
    assert.match(old ?? "", /^docker\/web\/web-1@/);
    const next = world.want({ letter: "b" });
    await world.converged(next);
    world.runtime.change("web", 1, { restarts: 1 });
    await world.until("the new copy's event", () => told(world).length > events);
    assert.ok(!kept().includes(old ?? ""), kept().join());
    assert.equal(kept().length, 1);
  }),
);

test("what the journal refuses is told once it can be", () => {
  const told: unknown[] = [];
  let isFull = true;
  const journal: Pick<Journal, "append" | "remember" | "recall"> = {
    append: ({ body }) => {
      if (isFull) throw new FleetError("journal_unusable", { message: "full", retry: "later" });
      return told.push(body);
    },
    remember: () => undefined,
    recall: () => undefined,
  };
  const copy = { runtime: "docker", app: "web", service: "web", index: 1, configHash: "c" };
  const instances = [{ ...copy, id: "1", restarts: 2 }] as unknown as ObservedInstance[];
  const seen = { apps: [{ instances } as unknown as AppInput], silent: new Map<never, never>() };
  const restarts = createRestarts({ journal, clock: systemClock });
  assert.throws(() => restarts.note(seen), /full/);
  isFull = false;
  restarts.note(seen);
  restarts.note(seen);
  assert.equal(told.length, 1);
});

test("a copy that comes back to its place after another one counts from the beginning", () => {
  const told: string[] = [];
  const journal: Pick<Journal, "append" | "remember" | "recall"> = {
    append: ({ body }) => told.push(String(body["message"])),
    remember: () => undefined,
    recall: () => undefined,
  };
  let passedMs = 0;
  const restarts = createRestarts({ journal, clock: { monotonicMs: () => passedMs } });
  const look = (configHash: string, count: number): void => {
    const copy = { runtime: "docker", app: "web", service: "web", index: 1, configHash };
    const instances = [{ ...copy, id: "1", restarts: count }] as unknown as ObservedInstance[];
    restarts.note({ apps: [{ instances } as unknown as AppInput], silent: new Map() });
    passedMs += 60_000;
  };
  look("a", 2);
  look("b", 0);
  look("a", 2);
  assert.equal(told.length, 2);
});

/** Looks as the loop does until the event has come. @returns all events */
async function watch(runtime: Runtime, app: ResolvedApp): Promise<string[]> {
  const place = scratch();
  try {
    const journal = place.open();
    const restarts = createRestarts({ journal, clock: systemClock });
    const deadline = performance.now() + 60_000;
    const isOver = (seen: ObservedInstance[]): boolean =>
      seen.some(({ state, restarts: count }) => state === "exited" && count === 2);
    for (let seen: ObservedInstance[] = []; !isOver(seen); ) {
      assert.ok(performance.now() < deadline, JSON.stringify(seen));
      seen = (await runtime.observe()).filter((one) => one.app === app.app);
      restarts.note({ apps: [{ instances: seen } as unknown as AppInput], silent: new Map() });
      await systemClock.sleep(200);
    }
    return restarted(journal);
  } finally {
    place.remove();
  }
}

/** It comes up three times and is given up. */
const script = "sleep 0.3; exit 5";
const policy = { name: "on-failure", maxAttempts: 2 } as const;
const sentence = /^web-1 of \S+ was started again by its restart policy/;

function checkTold(events: readonly string[]): void {
  assert.ok(events.length >= 1 && events.length <= 2, events.join());
  for (const event of events) assert.match(event, sentence);
}

test.real("docker", "a container that the Engine starts again is told of", async () => {
  const { app, service, up, runtime } = testDevice();
  const falling = app("falling", [
    service("web", { command: ["sh", "-c", script], restart: policy }),
  ]);
  await up(falling);
  checkTold(await watch(runtime, falling));
});

benchTests("restarts of processes by policy")(
  "a process that is started again is told of",
  async ({ runtime, app }) => {
    const one = runtime();
    const falling = app({ web: shell(script, { restart: policy }) });
    await one.start(falling, { service: "web", index: 1 });
    checkTold(await watch(one, falling));
  },
);
