// Runs on a whole device: the loop, the journal and the machine of runs together.
import * as assert from "node:assert/strict";
import type { EntryKind } from "#shared/journal.ts";
import { type RunId, RunOrder } from "#shared/run.ts";
import { suite } from "#test/suite.ts";
import { type World, within } from "./world.ts";

const test = suite("edge/agent runs");

let orders = 0;

type Steps = Record<string, unknown>[];

function orderOf(steps: Steps, more: Partial<RunOrder> = {}): RunOrder {
  orders += 1;
  const limited = steps.map((step) => ({ timeoutMs: 60_000, retries: 0, ...step }));
  const id = `run${String(orders).padStart(8, "0")}`;
  return { ...RunOrder.parse({ id, request: `r-${orders}`, plan: "p", steps: limited }), ...more };
}

const runKinds: EntryKind[] = ["run.started", "run.step.started", "run.step.ended", "run.ended"];

/** E.g. `started`, `1 drain +`, `1 drain -`, `ended succeeded`. */
function story(world: World, run: RunId): string[] {
  const entries = world.journal().entries({ kinds: runKinds, limit: 100 }).toReversed();
  return entries
    .filter(({ body }) => body["run"] === run)
    .map(({ kind, body }) => {
      const at = `${body["index"]} ${body["kind"]} ${body["attempt"]}`;
      if (kind === "run.started") return "started";
      if (kind === "run.step.started") return `${at} begins`;
      if (kind === "run.step.ended") return `${at} ${body["ok"] === true ? "ok" : body["code"]}`;
      return `ended ${body["outcome"]}${body["code"] === undefined ? "" : ` ${body["code"]}`}`;
    });
}

async function ended(world: World, { id }: RunOrder): Promise<string[]> {
  await world.until(
    `the end of run ${id}`,
    () => story(world, id).at(-1)?.startsWith("ended") === true,
  );
  return story(world, id);
}

test(
  "drains the apps, lets them rest while a script runs, and brings them back",
  within(async (world) => {
    world.start();
    const spec = world.want({ letter: "a" });
    await world.converged(spec);
    let copies: Record<string, string> = {};
    world.machine.script = async ({ say }) => {
      copies = await world.copies();
      say("hello\n");
    };
    const run = orderOf([
      { kind: "drain" },
      { kind: "script", app: "web", script: "mend.sh" },
      { kind: "verify", stableMs: 1000 },
    ]);
    world.wish([spec], "run", { run });
    assert.deepEqual(await ended(world, run), [
      "started",
      ...["0 drain 1 begins", "0 drain 1 ok"],
      ...["1 script 1 begins", "1 script 1 ok"],
      ...["2 verify 1 begins", "2 verify 1 ok"],
      "ended succeeded",
    ]);
    assert.deepEqual(copies, {});
    await world.converged(spec);
    const logged = world.journal().entries({ kinds: ["run.log"], limit: 10 });
    assert.deepEqual(
      logged.map(({ body }) => body["text"]),
      ["hello\n"],
    );
    await world.until(
      "the report of the end",
      () => world.reported()?.run?.outcome === "succeeded",
    );
  }),
);
