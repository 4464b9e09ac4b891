// The plans that there are: built in, and those of the repository's default branch, which go before.
import { entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import { builtInPlans } from "./builtin.ts";
import type { Plan } from "./plan.ts";

/** By name, sorted. Pure. */
export function plansOf(fleet: FleetSnapshot | undefined): Map<string, Plan> {
  const main = fleet === undefined ? undefined : entryOf(fleet.branches, fleet.defaultBranch);
  const own = Object.entries(main?.plans ?? {}).map(([name, body]) => ({
    ...body,
    name,
    commit: main?.commit ?? null,
  }));
  const all = [...builtInPlans, ...own].map((plan): [string, Plan] => [plan.name, plan]);
  return new Map([...new Map(all)].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
