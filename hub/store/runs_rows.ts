// Runs and phases of devices as rows.
import type { Insertable, Selectable } from "kysely";
import type { Run, RunHead } from "#hub/run/model.ts";
import type { LifeCondition, Lifecycle } from "#hub/run/phase.ts";
import type { Tables } from "./tables.ts";

export function headColumns(head: RunHead) {
  return {
    state: head.state,
    step: head.step === null ? null : JSON.stringify(head.step),
    started_at: head.startedAt,
    heard_at: head.heardAt,
    ended_at: head.endedAt,
    code: head.code,
    message: head.message,
    standing: head.isStanding ? 1 : 0,
  };
}

export function runColumns(run: Run): Insertable<Tables["runs"]> {
  const { id, device, request, fingerprint, plan, operator, reason, version } = run;
  return {
    ...{ id, device, request, fingerprint, plan, operator, reason, version },
    ...headColumns(run.head),
    parameters: JSON.stringify(run.parameters),
    steps: JSON.stringify(run.steps),
    rules: JSON.stringify(run.rules),
    ordered_at: run.orderedAt,
  };
}

export function runOf(row: Selectable<Tables["runs"]>): Run {
  const { id, device, request, fingerprint, plan, operator, reason, version } = row;
  return {
    ...{ id, device, request, fingerprint, plan, operator, reason, version },
    parameters: JSON.parse(row.parameters),
    steps: JSON.parse(row.steps),
    rules: JSON.parse(row.rules),
    orderedAt: row.ordered_at,
    head: {
      state: row.state,
      step: row.step === null ? null : JSON.parse(row.step),
      startedAt: row.started_at,
      heardAt: row.heard_at,
      endedAt: row.ended_at,
      code: row.code,
      message: row.message,
      isStanding: row.standing === 1,
    },
  };
}

export function lifeColumns(life: Lifecycle): Insertable<Tables["lifecycles"]> {
  const { device, phase, since } = life;
  return {
    ...{ device, phase, since },
    provisioned: JSON.stringify(life.provisioned),
    intervention: JSON.stringify(life.needsIntervention),
    labels: JSON.stringify(life.labels),
    inventory: JSON.stringify(life.inventory),
  };
}

export function lifeOf(row: Selectable<Tables["lifecycles"]>): Lifecycle {
  const { device, phase, since } = row;
  return {
    ...{ device, phase, since },
    provisioned: JSON.parse(row.provisioned) as LifeCondition,
    needsIntervention: JSON.parse(row.intervention) as LifeCondition,
    labels: JSON.parse(row.labels),
    inventory: JSON.parse(row.inventory),
  };
}
