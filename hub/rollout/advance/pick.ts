// Which devices of a step get the release next, within parallelism, budget and windows; pure.
import type { RolloutPolicy, RolloutStep } from "#hub/release/rollout_policy.ts";
import { matches } from "#shared/selector.ts";
import { isOpen, nextOpening } from "#shared/window.ts";
import type { Fact, Facts, Member, Rollout } from "./model.ts";
import { type Pace, paceOf } from "./pace.ts";

type Present = Member & { fact: Fact };

export interface Picked {
  devices: Present[];
  /** Devices that the step still wants, can have and does not get now. */
  short: number;
  /** Why it does not get them. */
  waitsFor: string | null;
  nextAt: number | null;
}

/** Whether the devices count at all: those that were sent back or left out do not. */
function isIn({ state }: Member): boolean {
  return state !== "Left" && state !== "Reverted" && state !== "Held";
}

/** Devices of the rollout that a step selects. */
export function scopeOf(step: RolloutStep, members: readonly Member[], facts: Facts): Present[] {
  const selector = step.select ?? [];
  return members.flatMap((member) => {
    const fact = facts.get(member.device);
    return fact !== undefined && isIn(member) && matches(selector, fact.labels)
      ? [{ ...member, fact }]
      : [];
  });
}

/** Devices of the scope that have the release when the step is over. Those that wait do not count: others take
 *  their place. */
export function quotaOf(step: RolloutStep, scope: readonly Present[]): number {
  if (step.count !== undefined) return Math.min(step.count, scope.length);
  return Math.ceil((scope.length * (step.percent ?? 100)) / 100 - 1e-9);
}

export function hasRelease({ state }: Member): boolean {
  return state === "Released" || state === "Succeeded" || state === "Failed";
}

/** A device that cannot answer is no test of a release; only the last step takes it along. */
function isAble(member: Present): boolean {
  return isPresent(member) && !member.fact.isHeld;
}

function isPresent({ fact }: Pick<Present, "fact">): boolean {
  return fact.connection === "Online" && !fact.isSafe;
}

/** Others take the place of devices that wait. But of those that are there and may begin at any moment a step has
 *  as many as it wants at most: when a window opens, or a registry is back, they all begin at once. */
function wantedOf(quota: number, scope: readonly Present[]): number {
  const having = scope.filter(hasRelease).length;
  const poised = scope.filter((one) => isPoised(one, one.fact)).length;
  return Math.min(quota - having, 2 * quota - having - poised);
}

/** It is there, and nothing but what passes by itself keeps it from beginning. */
function isPoised({ state }: Member, fact: Fact): boolean {
  return state === "Waiting" && isPresent({ fact }) && fact.mayBegin === true;
}

/** @param now Unix ms */
export function pick(
  rollout: Rollout,
  step: RolloutStep,
  { facts, now, isLast }: { facts: Facts; now: number; isLast: boolean },
): Picked {
  const scope = scopeOf(step, rollout.members, facts);
  const pending = scope.filter(({ state }) => state === "Pending");
  const candidates = isLast ? pending : pending.filter(isAble);
  const size = isLast ? scope.length : quotaOf(step, scope);
  const wanted = isLast ? candidates.length : wantedOf(size, scope);
  const first = candidates.slice(0, Math.max(0, wanted));
  if (first.length === 0) return { devices: [], short: 0, waitsFor: null, nextAt: null };
  const { windows = [] } = rollout.policy;
  if (!rollout.isForced && !isOpen(windows, now)) {
    const nextAt = nextOpening(windows, now) ?? null;
    return { devices: [], short: first.length, waitsFor: "the next window", nextAt };
  }
  const pace = paceOf(rollout.policy, rollout.members, size, now);
  return withinLimits(rollout, candidates, { facts, wanted: first.length, pace });
}

function withinLimits(
  rollout: Rollout,
  candidates: readonly Present[],
  { facts, wanted, pace }: { facts: Facts; wanted: number; pace: Pace },
): Picked {
  const { maxParallel = Number.POSITIVE_INFINITY, budget } = rollout.policy;
  let underWay = rollout.members.filter(({ state }) => state === "Released").length;
  const room = createRoom(rollout.isForced ? undefined : budget, rollout.members, facts);
  const devices: Present[] = [];
  let { room: beginning } = pace;
  let nextAt: number | null = null;
  let waitsFor: string | null = null;
  for (const candidate of candidates) {
    if (devices.length === wanted) break;
    const takesPart = isPresent(candidate) && candidate.fact.isPinned !== true;
    if (takesPart && beginning <= 0) {
      waitsFor ??= "the next devices' turn to begin";
      ({ nextAt } = pace);
      continue;
    }
    if (takesPart && underWay >= maxParallel) {
      waitsFor = `${underWay} devices under way, the most at a time`;
      continue;
    }
    if (takesPart && !room.take(candidate.fact)) {
      waitsFor ??= `the budget of ${budget?.groupBy}=${room.groupOf(candidate.fact)}`;
      continue;
    }
    if (takesPart) {
      underWay += 1;
      beginning -= 1;
    }
    devices.push(candidate);
  }
  return { devices, short: wanted - devices.length, waitsFor, nextAt };
}

/** How many more devices of each label value may be away at once. */
function createRoom(
  budget: RolloutPolicy["budget"],
  members: readonly Member[],
  facts: Facts,
): { take(fact: Fact): boolean; groupOf(fact: Fact): string } {
  const groupOf = (fact: Fact): string => fact.labels[budget?.groupBy ?? ""] ?? "";
  if (budget === undefined) return { take: () => true, groupOf };
  const isChanging = (one: Member): boolean => {
    const fact = facts.get(one.device);
    return one.state === "Released" || (fact !== undefined && isPoised(one, fact));
  };
  const changing = new Set(members.filter(isChanging).map(({ device }) => device));
  const groups = new Map<string, { size: number; serving: number }>();
  for (const [device, fact] of facts) {
    const group = groups.get(groupOf(fact)) ?? { size: 0, serving: 0 };
    group.size += 1;
    if (fact.isServing && !changing.has(device)) group.serving += 1;
    groups.set(groupOf(fact), group);
  }
  return {
    groupOf,
    take: (fact) => {
      const group = groups.get(groupOf(fact));
      // What does not serve takes nothing away.
      if (group === undefined || !fact.isServing) return true;
      if (group.serving - 1 < leastOf(budget.minAvailable, group.size)) return false;
      group.serving -= 1;
      return true;
    },
  };
}

/** A share always leaves room for one device, or a site with a single one would never change. */
function leastOf(
  minAvailable: NonNullable<RolloutPolicy["budget"]>["minAvailable"],
  size: number,
): number {
  if (typeof minAvailable === "number") return minAvailable;
  return Math.min(Math.ceil(size * minAvailable.share - 1e-9), size - 1);
}
