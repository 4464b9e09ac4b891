// Orders of runs, and what a device's journal tells of them.
import type { EntryKind } from "#shared/journal.ts";
import { type RunId, RunOrder } from "#shared/run.ts";
import type { World } from "./world.ts";

let orders = 0;

type Steps = Record<string, unknown>[];

export function orderOf(steps: Steps, more: Partial<RunOrder> = {}): RunOrder {
  orders += 1;
  const limited = steps.map((step) => ({ timeoutMs: 60_000, retries: 0, ...step }));
  const id = `run${String(orders).padStart(8, "0")}`;
  return { ...RunOrder.parse({ id, request: `r-${orders}`, plan: "p", steps: limited }), ...more };
}

const runKinds: EntryKind[] = ["run.started", "run.step.started", "run.step.ended", "run.ended"];

/** What the journal says of it, e.g. `started`, `1 drain +`, `1 drain -`, `ended succeeded`. */
export function story(world: World, run: RunId): string[] {
  const entries = world.journal().entries({ kinds: runKinds, limit: 100 }).toReversed();
  return entries
    .filter(({ body }) => body["run"] === run)
    .map(({ kind, body }) => {
      const word = (key: string): string => String(body[key]);
      const at = `${word("index")} ${word("kind")} ${word("attempt")}`;
      if (kind === "run.started") return "started";
      if (kind === "run.step.started") return `${at} begins`;
      if (kind === "run.step.ended") return `${at} ${body["ok"] === true ? "ok" : word("code")}`;
      return `ended ${word("outcome")}${body["code"] === undefined ? "" : ` ${word("code")}`}`;
    });
}

export async function ended(world: World, { id }: RunOrder): Promise<string[]> {
  await world.until(
    `the end of run ${id}`,
    () => story(world, id).at(-1)?.startsWith("ended") === true,
  );
  return story(world, id);
}
