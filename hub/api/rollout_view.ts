// Rollouts as the API shows them.
import { z } from "@hono/zod-openapi";
import { memberStates, rolloutStates } from "#hub/rollout/advance/model.ts";
import type { MemberRow, RolloutRow } from "#hub/store/rollout_port.ts";
import { AppName, DeviceId, Digest } from "#shared/ids.ts";
import { component } from "./component.ts";
import { selectorText } from "./deployments.ts";
import { listOf, UnixMs } from "./schema.ts";

export const RolloutStateSchema = component("RolloutState", z.enum(rolloutStates));
const MemberStateSchema = component("RolloutDeviceState", z.enum(memberStates));

const Trait = z.object({ key: z.string(), value: z.string() });

const Suspect = Trait.extend({
  failed: z.int().meta({ description: "Failed devices that have the property." }),
  failedOf: z.int(),
  succeeded: z.int(),
  succeededOf: z.int(),
  chance: z.number().meta({
    description:
      "Chance of so clear a split if the property had nothing to do with it: Fisher's exact test, one-sided, times the number of properties. Below 0.05 it is called clear.",
  }),
});

const Step = z.object({
  name: z.string().meta({ description: "What the step takes, in words." }),
  bakeMs: z.int(),
  healthyShare: z.number(),
  approval: z.boolean(),
});

export const RolloutSummary = component(
  "RolloutSummary",
  z.object({
    id: z.int(),
    deployment: AppName,
    state: RolloutStateSchema,
    branch: z.string(),
    commit: z.string(),
    digest: Digest,
    step: z.int().meta({ description: "The present step, from 1." }),
    steps: z.int(),
    quarantined: z.boolean().meta({
      description:
        "The same content is given to no device of the deployment until somebody resumes it.",
    }),
    operator: z.string().nullable().meta({
      description: "Who gave the last order; null also once it has halted by itself since.",
    }),
    reason: z.string().nullable().meta({ description: "Why, in that person's words." }),
    beganAt: UnixMs,
    changedAt: UnixMs,
  }),
);
export type RolloutSummary = z.infer<typeof RolloutSummary>;

export const RolloutView = component(
  "Rollout",
  RolloutSummary.extend({
    waitsFor: z.string().nullable().meta({ description: "Why it does not go on right now." }),
    bakeUntil: UnixMs.nullable(),
    plan: z.array(Step),
    devices: z
      .record(MemberStateSchema, z.int())
      .meta({ description: "Devices that have something to change, by their state." }),
    cohorts: z.array(Trait).meta({ description: "Devices with one of these are left out." }),
    suspects: z
      .array(Suspect)
      .meta({ description: "What the failed devices shared as it halted, the clearest first." }),
  }),
);
export type RolloutView = z.infer<typeof RolloutView>;

const RolloutDevice = component(
  "RolloutDevice",
  z.object({
    device: DeviceId,
    state: MemberStateSchema,
    step: z.int().nullable().meta({ description: "The step that released it, from 1." }),
    deadlineAt: UnixMs.nullable(),
    reason: z.string().nullable().meta({ description: "Why it failed, waits or was sent back." }),
  }),
);
export type RolloutDevice = z.infer<typeof RolloutDevice>;

export const RolloutList = listOf("RolloutList", RolloutSummary);
export const RolloutDeviceList = listOf("RolloutDeviceList", RolloutDevice);

export function rolloutSummary(row: RolloutRow): RolloutSummary {
  const { id, deployment, branch, commit, digest, head, policy, operator, reason } = row;
  return {
    ...{ id, deployment, state: head.state, branch, commit, digest },
    ...{ step: head.step + 1, steps: policy.steps.length, quarantined: row.isQuarantined },
    ...{ operator, reason, beganAt: row.beganAt, changedAt: row.changedAt },
  };
}

export function rolloutView(
  row: RolloutRow,
  members: readonly MemberRow[],
  waitsFor: string | null,
): RolloutView {
  const devices = Object.fromEntries(memberStates.map((state) => [state, 0]));
  for (const { member } of members) devices[member.state] = (devices[member.state] ?? 0) + 1;
  return {
    ...rolloutSummary(row),
    waitsFor,
    bakeUntil: row.head.bakeUntil,
    plan: row.policy.steps.map((step, at) => ({
      name: stepName(step, at === row.policy.steps.length - 1),
      bakeMs: step.bakeMs,
      healthyShare: step.healthyShare,
      approval: step.approval,
    })),
    devices: devices as RolloutView["devices"],
    cohorts: row.head.cohorts,
    suspects: row.suspects,
  };
}

export function stepName(
  { select, percent, count }: RolloutRow["policy"]["steps"][number],
  isLast: boolean,
): string {
  const size = count === undefined ? `${percent ?? 100} %` : String(count);
  const scope = select === undefined || select.length === 0 ? "" : ` of ${selectorText(select)}`;
  return isLast && scope === "" ? "all" : `${size}${scope}`;
}

export function rolloutDevice(member: MemberRow["member"]): RolloutDevice {
  const { device, state, step, deadlineAt, reason } = member;
  return { device, state, step: step === null ? null : step + 1, deadlineAt, reason };
}
