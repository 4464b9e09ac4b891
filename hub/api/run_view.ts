// Runs, their steps, plans and phases as the API shows them.
import { z } from "@hono/zod-openapi";
import { type Run, runStates } from "#hub/run/model.ts";
import { type Lifecycle, lifeConditions, lifeConditionTypes, Phase } from "#hub/run/phase.ts";
import type { Plan } from "#hub/run/plan.ts";
import { type StepRecord, stepStates } from "#hub/run/steps.ts";
import { CommitId, DeviceId, Labels, Values } from "#shared/ids.ts";
import { PlanName } from "#shared/plan.ts";
import { RequestId, RunId } from "#shared/run.ts";
import { component } from "./component.ts";
import { listOf, UnixMs } from "./schema.ts";

export const RunStateSchema = z.enum(runStates);

const summaryShape = {
  id: RunId,
  device: DeviceId,
  plan: PlanName,
  state: RunStateSchema.meta({
    description: "`Pending` until the device begins; `Running`; and how it ended.",
  }),
  step: z
    .object({ index: z.int(), kind: z.string(), attempt: z.int() })
    .nullable()
    .meta({ description: "The step under way, or the last one; `index` from 0." }),
  steps: z.int().meta({ description: "How many there are." }),
  operator: z.string(),
  reason: z.string(),
  orderedAt: UnixMs,
  startedAt: UnixMs.nullable(),
  endedAt: UnixMs.nullable(),
  code: z.string().nullable().meta({ description: "Of what ended it." }),
  message: z.string().nullable(),
};

export const RunSummary = component("RunSummary", z.object(summaryShape));
export type RunSummary = z.infer<typeof RunSummary>;
export const RunList = listOf("RunList", RunSummary);

const StepView = z.object({
  kind: z.string(),
  state: z.enum(stepStates),
  attempt: z.int().meta({ description: "The last one; 0 before the first." }),
  startedAt: z.int().nullable().meta({ description: "Unix ms by the device's clock." }),
  endedAt: z.int().nullable(),
  code: z.string().nullable(),
  message: z.string().nullable(),
  timeoutMs: z.int(),
  retries: z.int(),
});

export const RunView = component(
  "Run",
  z.object({
    ...summaryShape,
    request: RequestId,
    parameters: Values,
    steps: z.array(StepView),
  }),
);
export type RunView = z.infer<typeof RunView>;

export function runSummary(run: Run): RunSummary {
  const { id, device, plan, operator, reason, orderedAt, head } = run;
  const { state, step, startedAt, endedAt, code, message } = head;
  const told = { state, step, startedAt, endedAt, code, message };
  return { id, device, plan, operator, reason, orderedAt, ...told, steps: run.steps.length };
}

export function runView(run: Run, records: readonly StepRecord[]): RunView {
  const { request, parameters } = run;
  const steps = records.map((record, index) => ({
    ...record,
    timeoutMs: run.steps[index]?.timeoutMs ?? 0,
    retries: run.steps[index]?.retries ?? 0,
  }));
  return { ...runSummary(run), request, parameters, steps };
}

export const PlanView = component(
  "Plan",
  z.object({
    name: PlanName,
    description: z.string(),
    commit: CommitId.nullable().meta({ description: "Null for a plan that is built in." }),
    parameters: z.array(
      z.object({
        name: z.string(),
        description: z.string().nullable(),
        default: z.string().nullable().meta({ description: "Null: it must be given." }),
      }),
    ),
    from: z.array(Phase).meta({ description: "Phases from which it may be run." }),
    during: Phase,
    after: Phase,
    steps: z.array(z.object({ kind: z.string(), retries: z.int() })),
  }),
);
export type PlanView = z.infer<typeof PlanView>;

export function planView(plan: Plan): PlanView {
  const { name, description, commit, from, during, after } = plan;
  const parameters = Object.entries(plan.parameters).map(([key, parameter]) => ({
    name: key,
    description: parameter.description ?? null,
    default: parameter.default ?? null,
  }));
  const steps = plan.steps.map(({ kind, retries }) => ({ kind, retries }));
  return { name, description, commit, parameters, from, during, after, steps };
}

const LifeConditionSchema = z.object({
  type: z.enum(lifeConditionTypes),
  status: z.enum(["True", "False"]),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: UnixMs,
});

export const PhaseView = component(
  "DevicePhase",
  z.object({
    device: DeviceId,
    phase: Phase,
    since: UnixMs,
    conditions: z.array(LifeConditionSchema),
    labels: Labels.meta({ description: "As an inventory file gave them." }),
    inventory: z.object({
      serial: z.string().exactOptional(),
      mac: z.string().exactOptional(),
      model: z.string().exactOptional(),
      note: z.string().exactOptional(),
    }),
    run: RunId.nullable().meta({ description: "The run under way." }),
  }),
);
export type PhaseView = z.infer<typeof PhaseView>;

export function phaseView(life: Lifecycle, run: RunId | null): PhaseView {
  const { device, phase, since, labels, inventory } = life;
  const conditions = lifeConditions(life);
  return { device, phase, since, conditions, labels, inventory, run };
}
