// A run's log as it is read: what is kept, where that ends, and what comes until the run is over.
import * as assert from "node:assert/strict";
import { createBus } from "#hub/bus.ts";
import type { LogItem } from "#hub/logs/port.ts";
import { newRun } from "#hub/run/begin.ts";
import { createRunLogReader } from "#hub/run/log_reader.ts";
import type { Run } from "#hub/run/model.ts";
import { newLifecycle } from "#hub/run/phase.ts";
import { plansOf } from "#hub/run/plans.ts";
import type { RunLogItem } from "#hub/store/runs_port.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { RequestId, RunId } from "#shared/run.ts";
import { suite } from "#test/suite.ts";

const test = suite("the log of a run");
const device = "pi-1" as DeviceId;

function runningRun(): Run {
  const plan = plansOf(undefined).get("reboot");
  assert.ok(plan !== undefined);
  const life = { ...newLifecycle(device, 0), phase: "READY" as const };
  const given = { device, plan: "reboot", request: "r-1" as RequestId, parameters: {} };
  const word = { operator: "ann", reason: "it was time" };
  return newRun({ ...given, ...word }, { plan, life, id: "run00001" as RunId, now: 0 });
}

/** A store of one run whose log is an array. */
function bench() {
  const bus = createBus();
  const chunks: RunLogItem[] = [];
  let run = runningRun();
  const say = (...texts: string[]): void => {
    for (const text of texts) chunks.push({ at: 1, index: 0, stream: "stdout", text: `${text}\n` });
    bus.emit("run", device);
  };
  const store = {
    run: async () => run,
    runLog: async (_: unknown, { limit, cursor = "0" }: { limit: number; cursor?: string }) => {
      const from = Number(cursor);
      const items = chunks.slice(from, from + limit);
      return { items, cursor: String(from + items.length), hasMore: from + limit < chunks.length };
    },
  };
  const end = (): void => {
    run = { ...run, head: { ...run.head, state: "Succeeded", isStanding: false } };
    bus.emit("run", device);
  };
  const read = (follow: boolean, tail = 100) =>
    createRunLogReader({ store, bus, run, follow, tail });
  return { say, end, read };
}

const wordOf = (item: LogItem): string => (item.kind === "line" ? item.line.text : item.kind);

test("without following it is what is kept, and its end", async () => {
  const { say, read } = bench();
  say("one", "two", "three");
  const words: string[] = [];
  for await (const item of read(false, 2)) words.push(wordOf(item));
  assert.deepEqual(words, ["two", "three", "end"]);
});

test("who follows is told where what was kept ends, before anything more comes", async () => {
  const { say, end, read } = bench();
  say("one", "two");
  const items = read(true)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => wordOf((await items.next()).value as LogItem);
  assert.deepEqual([await next(), await next(), await next()], ["one", "two", "caughtUp"]);
  const coming = next();
  say("three");
  assert.equal(await coming, "three");
  end();
  assert.equal(await next(), "end");
  assert.equal((await items.next()).done, true);
});
