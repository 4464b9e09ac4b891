// Runs faults side by side, each in a world of its own, since most of a try is waiting.
import type { Fault } from "./fault.ts";
import { missingNeed } from "./needs.ts";
import type { Report } from "./report.ts";
import type { Runner } from "./runner.ts";

interface Lanes {
  /** One for each lane: a world is never shared by two of them. */
  runners: readonly Runner[];
  report: Report;
}

/** Ends when each fault has its line in the report; lines come in the order in which faults end. */
export async function runInLanes(
  chosen: readonly Fault[],
  { runners, report }: Lanes,
): Promise<void> {
  const waiting = shareable(chosen);
  const busy = new Map<Runner, string>();
  const say = (runner: Runner, text: string): void => {
    busy.set(runner, text);
    report.progress([...busy.values()].join("   "));
  };
  const one = async (fault: Fault, runner: Runner): Promise<void> => {
    const missing = await missingNeed(fault.needs ?? []);
    if (missing !== undefined) {
      report.add({ name: fault.name, skipped: missing });
      return;
    }
    say(runner, `${fault.name} …`);
    report.add(await runner.run(fault, (done, of) => say(runner, `${fault.name} ${done}/${of}`)));
  };
  const lane = async (runner: Runner): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (const fault of next) await one(fault, runner);
    }
    busy.delete(runner);
  };
  await Promise.all(runners.map(lane));
}

/** Faults that want the same world of a kind of its own stay together, so that it is made once. Those go
 *  first: what takes longest must not be left for the end. */
function shareable(chosen: readonly Fault[]): Fault[][] {
  const byWorld = Map.groupBy(
    chosen.filter(({ world }) => world !== undefined),
    ({ world }) => world,
  );
  const common = chosen.filter(({ world }) => world === undefined).map((fault) => [fault]);
  return [...byWorld.values(), ...common];
}
