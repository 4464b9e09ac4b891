import * as assert from "node:assert/strict";
import { setTimeout as wait } from "node:timers/promises";
import { type Check, createDeepCheck, type DeepCheck } from "#edge/agent/deep_check.ts";
import type { NewEntry } from "#edge/journal/port.ts";
import { systemClock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { suite } from "#test/suite.ts";
import { createFastClock } from "./clock.ts";

const test = suite("deep check");
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const hourMs = 3_600_000;

interface Given {
  checks: Check[];
  pattern?: string;
  clock?: Parameters<typeof createDeepCheck>[0]["clock"];
}

function made(given: Given): { deep: DeepCheck; entries: NewEntry[] } {
  const entries: NewEntry[] = [];
  const journal = { append: (entry: NewEntry) => entries.push(entry) };
  const deep = createDeepCheck({
    ...{ journal, log, clock: createFastClock(), pattern: "0 0 1 1 *", spreadMs: 0 },
    ...given,
  });
  return { deep, entries };
}

/** Time that passes only when told to. */
function standing(): Given["clock"] & { advance(ms: number): void } {
  const clock = createFastClock();
  const sleep = (_: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));
  return { ...clock, sleep };
}

test("makes every check when asked, tells what was found once, and goes on after one that fails", async () => {
  let text = "a.txt was changed";
  const { deep, entries } = made({
    checks: [
      { name: "files", run: async () => (text === "" ? [] : [text]) },
      {
        name: "images",
        run: async () => {
          throw new FleetError("runtime_unavailable", { message: "no Engine answers" });
        },
      },
      { name: "journal", run: async () => [] },
    ],
  });
  const result = await deep.now();
  assert.deepEqual(result.findings, [{ check: "files", text: "a.txt was changed" }]);
  assert.deepEqual(result.failed, [
    { check: "images", code: "runtime_unavailable", message: "no Engine answers" },
  ]);
  await deep.now();
  assert.deepEqual(
    entries.map(({ body }) => `${String(body["reason"])}: ${String(body["message"])}`),
    [
      "DeepCheckFound: deep check, files: a.txt was changed",
      "DeepCheckFailed: deep check, images: no Engine answers",
    ],
  );
  text = "";
  await deep.now();
  text = "a.txt was changed";
  await deep.now();
  assert.equal(entries.length, 3);
  assert.equal(deep.last()?.findings.length, 1);
});

test("two that ask at once get the same check", async () => {
  let runs = 0;
  const { promise, resolve } = Promise.withResolvers<string[]>();
  const run = (): Promise<string[]> => {
    runs += 1;
    return promise;
  };
  const { deep } = made({ checks: [{ name: "files", run }] });
  const both = [deep.now(), deep.now()];
  resolve([]);
  await Promise.all(both);
  assert.equal(runs, 1);
});

test("a schedule that the wall clock sets off again and again runs once in half an hour", async () => {
  let runs = 0;
  const clock = standing();
  const run = async (): Promise<string[]> => {
    runs += 1;
    return [];
  };
  const checks = [{ name: "files", run }];
  const { deep } = made({ checks, pattern: "* * * * * *", clock });
  deep.start();
  try {
    await until(() => deep.counts().skipped >= 2);
    assert.equal(runs, 1);
    clock.advance(31 * 60_000);
    await until(() => runs === 2);
  } finally {
    await deep.stop();
  }
});

test("a wall clock that stands still or jumps back does not keep it from running", async () => {
  const run = async (): Promise<string[]> => {
    await wait(1);
    return [];
  };
  const clock = createFastClock();
  const { deep } = made({ checks: [{ name: "files", run }], clock });
  const fromMs = clock.monotonicMs();
  deep.start();
  await until(() => deep.counts().runs >= 3);
  const spentMs = clock.monotonicMs() - fromMs;
  await deep.stop();
  assert.ok(spentMs >= 5.9 * hourMs, `${spentMs} ms for three`);
});

test("ends while a check is under way", async () => {
  const run = async (signal: AbortSignal): Promise<string[]> => {
    await systemClock.sleep(60_000, signal);
    return [];
  };
  const { deep, entries } = made({ checks: [{ name: "files", run }] });
  deep.start();
  const asked = deep.now();
  await deep.stop();
  await asked;
  assert.deepEqual(entries, []);
});

async function until(holds: () => boolean): Promise<void> {
  const from = performance.now();
  while (!holds()) {
    assert.ok(performance.now() - from < 60_000, "never came");
    await wait(5);
  }
}
