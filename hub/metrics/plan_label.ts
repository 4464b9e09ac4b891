// Keeps the series of runs few, whatever plans a repository brings in time.
import { builtInPlans } from "#hub/run/builtin.ts";

/** No plan begins so. */
const otherPlans = "_other";

/** Far more plans than a fleet has at one time. */
const maxPlans = 50;

export interface PlanLabels {
  /** The plan's own name for built-in plans and for the first others up to the limit. */
  of(plan: string): string;
  /** Every label that there is so far. */
  all(): string[];
}

export function createPlanLabels(max = maxPlans): PlanLabels {
  const own = new Set(builtInPlans.map(({ name }): string => name));
  return {
    of: (plan) => {
      if (own.size < max) own.add(plan);
      return own.has(plan) ? plan : otherPlans;
    },
    all: () => [...own, otherPlans],
  };
}
