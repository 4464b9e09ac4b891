// Rollouts of a few words: devices by name, facts by what they answer, decisions as text.
import { RolloutPolicy } from "#hub/release/rollout_policy.ts";
import type { Decision, Fact, Facts, Member, Rollout } from "#hub/rollout/advance/model.ts";
import { DeviceId } from "#shared/ids.ts";

export const minuteMs = 60_000;

export function policy(text: object = {}): RolloutPolicy {
  return RolloutPolicy.parse(text);
}

export function member(device: string, change: Partial<Member> = {}): Member {
  const fresh = { state: "Pending", step: null, deadlineAt: null, reason: null } as const;
  return { device: DeviceId.parse(device), ...fresh, ...change };
}

export function rollout(members: Member[], change: Partial<Rollout> = {}): Rollout {
  return {
    id: 1,
    state: "Progressing",
    step: 0,
    bakeUntil: null,
    approved: -1,
    isForced: false,
    cohorts: [],
    policy: policy(),
    members,
    ...change,
  };
}

export function fact(change: Partial<Fact> = {}): Fact {
  return {
    labels: {},
    connection: "Online",
    answer: "none",
    words: null,
    isSafe: false,
    isHeld: false,
    isServing: true,
    traits: [],
    ...change,
  };
}

export function facts(of: Readonly<Record<string, Partial<Fact>>>): Facts {
  return new Map(
    Object.entries(of).map(([device, change]) => [DeviceId.parse(device), fact(change)]),
  );
}

/** As the store would hold it after the decision. */
export function applied(
  before: Rollout,
  { head, marks }: Pick<Decision, "head" | "marks">,
): Rollout {
  const changed = new Map(marks.map((one) => [one.device, one]));
  const members = before.members.map((one) => changed.get(one.device) ?? one);
  return { ...before, ...head, members };
}

/** `Progressing 1: a released, b waiting`. */
export function text(before: Rollout, decision: Decision): string {
  const { state, step } = decision.head;
  const words = applied(before, decision)
    .members.filter(({ state: one }) => one !== "Pending")
    .map(({ device, state: one }) => `${device} ${one}`);
  return `${state} ${step + 1}: ${words.join(", ")}`.trim();
}
