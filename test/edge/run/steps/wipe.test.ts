// The step wipe: what was cancelled removes nothing more.
import * as assert from "node:assert/strict";
import { createTasks } from "#edge/agent/tasks.ts";
import type { StepContext } from "#edge/run/port.ts";
import type { StepParts } from "#edge/run/steps/parts.ts";
import { createWipe } from "#edge/run/steps/wipe.ts";
import { suite } from "#test/suite.ts";

const test = suite("edge/run step wipe");

test("touches no other app, release or image once it was told to stop", async () => {
  const calls: string[] = [];
  const { promise: removed, resolve: remove } = Promise.withResolvers<void>();
  const runtime = {
    wipe: async (app: string) => {
      calls.push(`wipe ${app}`);
      await removed;
    },
    collectImages: async () => void calls.push("collect"),
  };
  const releases = {
    removeApp: async (app: string) => void calls.push(`remove ${app}`),
    sweep: async () => void calls.push("sweep"),
    apps: async () => [],
  };
  const tasks = createTasks(() => undefined);
  const parts = {
    ...{ releases, runtimes: [runtime], projectOf: () => "p" },
    journal: { quarantined: () => [] },
  };
  const wipe = createWipe({ parts, tasks } as unknown as StepParts);
  const context = {
    ...{ key: "run-0-1", waitsFor: () => undefined },
    seen: { sinceMs: 0, apps: [], stored: ["one", "two"] },
  } as unknown as Parameters<typeof wipe.act>[0] & StepContext;
  assert.equal(await wipe.act(context), "acting");
  assert.equal(await wipe.stop?.(context), "done");
  remove();
  await tasks.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(calls, ["wipe one", "remove one"]);
});
