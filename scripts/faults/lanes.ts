// Runs faults side by side, on devices of one world and in several worlds, since most of a try is waiting.
import type { Fault } from "./fault.ts";
import { missingNeed } from "./needs.ts";
import type { Report } from "./report.ts";
import type { Runner } from "./runner.ts";

interface Lanes {
  /** One for each lane: a world is never shared by two of them. */
  runners: readonly Runner[];
  report: Report;
  /** Faults at once in one lane; those that have their world for themselves wait their turn. */
  sideBySide: number;
}

/** Ends when each fault has its line in the report; lines come in the order in which faults end. */
export async function runInLanes(
  chosen: readonly Fault[],
  { runners, report, sideBySide }: Lanes,
): Promise<void> {
  const waiting = shareable(chosen);
  const busy = new Map<Fault, string>();
  const say = (fault: Fault, text: string): void => {
    busy.set(fault, text);
    report.progress([...busy.values()].join("   "));
  };
  const one = async (fault: Fault, runner: Runner): Promise<void> => {
    const missing = await missingNeed(fault.needs ?? []);
    if (missing !== undefined) {
      report.add({ name: fault.name, skipped: missing });
      return;
    }
    say(fault, `${fault.name} …`);
    report.add(await runner.run(fault, (done, of) => say(fault, `${fault.name} ${done}/${of}`)));
    busy.delete(fault);
  };
  const lane = async (runner: Runner): Promise<void> => {
    const running = new Set<Promise<void>>();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      for (const fault of next) {
        if (running.size >= sideBySide) await Promise.race(running);
        const work = one(fault, runner).finally(() => running.delete(work));
        running.add(work);
      }
      // Another world must not be made while this one is in use.
      if (next[0]?.world !== waiting[0]?.[0]?.world) await Promise.all(running);
    }
    await Promise.all(running);
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
