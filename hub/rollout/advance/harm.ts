// Whether a rollout does more harm than its policy allows, and whether only one cohort must stop; pure.
import type { RolloutStep } from "#hub/release/rollout_policy.ts";
import type { Fact, Facts, Member, Rollout, Suspect, Trait } from "./model.ts";
import { hasRelease, pick } from "./pick.ts";
import { clearChance, separate } from "./separate.ts";

export interface Harm {
  /** Which limit was passed, in words. */
  words: string;
  suspects: Suspect[];
  /** The property whose devices alone must stop; absent when all must. */
  cohort?: Trait;
}

/** Undefined while the limits hold. Pure.
 *  @param now Unix ms */
export function harmOf(rollout: Rollout, facts: Facts, now: number): Harm | undefined {
  const words = overLimit(rollout) ?? gateLost(rollout, facts, now);
  if (words === undefined) return undefined;
  const suspects = suspectsOf(rollout.members, facts);
  const cohort = cohortOf(rollout, suspects, facts);
  return { words, suspects, ...(cohort === undefined ? {} : { cohort }) };
}

function overLimit({ policy, members }: Rollout): string | undefined {
  const failed = count(members, "Failed");
  const having = members.filter(hasRelease).length;
  const { failures, share } = policy.halt ?? {};
  if (failures !== undefined && failed >= failures) {
    return `${failed} of ${having} devices failed; ${failures} are the limit`;
  }
  if (share !== undefined && failed > share * having + 1e-9) {
    return `${failed} of ${having} devices failed; a share of ${share} is the limit`;
  }
  return undefined;
}

/** Even if every other device of the step succeeded, its gate could not hold; or one that held does no more, since
 *  devices of it came late. */
function gateLost(rollout: Rollout, facts: Facts, now: number): string | undefined {
  for (const [at, step] of rollout.policy.steps.slice(0, rollout.step + 1).entries()) {
    if (rollout.isForced && at < rollout.step) continue;
    const own = rollout.members.filter((one) => one.step === at && hasRelease(one));
    const failed = count(own, "Failed");
    if (failed === 0) continue;
    const size = own.length + (at === rollout.step ? missing(rollout, step, facts, now) : 0);
    if (failed <= (1 - step.healthyShare) * size + 1e-9) continue;
    return `${failed} of ${size} devices of step ${at + 1} failed; its gate wants a share of ${step.healthyShare} healthy`;
  }
  return undefined;
}

/** Devices that the present step does not have yet. */
function missing(rollout: Rollout, step: RolloutStep, facts: Facts, now: number): number {
  const isLast = rollout.step === rollout.policy.steps.length - 1;
  const { devices, short } = pick(rollout, step, { facts, now, isLast });
  return devices.length + short;
}

export function count(members: readonly Member[], state: Member["state"]): number {
  return members.filter((member) => member.state === state).length;
}

export function suspectsOf(members: readonly Member[], facts: Facts): Suspect[] {
  const traits = (state: Member["state"]): (readonly Trait[])[] =>
    members
      .filter((member) => member.state === state)
      .map(({ device }) => facts.get(device)?.traits ?? []);
  return separate(traits("Failed"), traits("Succeeded"));
}

/** What a device has today and may not have tomorrow: left out for it, a device that runs the release well would be
 *  sent back on the next hot day. */
const changeable = new Set(["temperature", "disk"]);

/** Only a clear split that leaves devices to go on with, and only devices that failed for it. */
function cohortOf(
  { policy, members }: Rollout,
  [first]: readonly Suspect[],
  facts: Facts,
): Trait | undefined {
  if (policy.haltScope !== "cohort" || first === undefined) return undefined;
  if (first.chance >= clearChance || first.failed < first.failedOf) return undefined;
  if (changeable.has(first.key)) return undefined;
  const { key, value } = first;
  const trait = { key, value };
  const others = members.some(({ device }) => !has(facts.get(device), trait));
  return others ? trait : undefined;
}

export function has(fact: Fact | undefined, { key, value }: Trait): boolean {
  return fact?.traits.some((trait) => trait.key === key && trait.value === value) ?? false;
}
