// Rollouts as rows, and what refuses a change that was decided on an older version.
import type { Kysely, Selectable, Transaction } from "kysely";
import type { MemberRow, RolloutRow } from "./rollout_port.ts";
import type { Tables } from "./tables.ts";

/** Thrown inside a transaction so that nothing of it stays. */
export class Fenced extends Error {}

/** Null when the work found another version: nothing of it stays. */
export async function fenced<T>(
  db: Kysely<Tables>,
  work: (trx: Transaction<Tables>) => Promise<T>,
): Promise<T | null> {
  try {
    return await db.transaction().execute(work);
  } catch (error) {
    if (error instanceof Fenced) return null;
    throw error;
  }
}

export function headColumns(head: RolloutRow["head"]) {
  return {
    state: head.state,
    step: head.step,
    bake_until: head.bakeUntil,
    approved: head.approved,
    forced: head.isForced ? 1 : 0,
    cohorts: JSON.stringify(head.cohorts),
  };
}

export function memberColumns({ state, step, deadlineAt, reason }: MemberRow["member"]) {
  return { state, step, deadline_at: deadlineAt, reason };
}

export function rolloutRow(row: Selectable<Tables["rollouts"]>): RolloutRow {
  return {
    id: row.id,
    deployment: row.deployment,
    branch: row.branch,
    commit: row.commit_id,
    digest: row.digest,
    target: row.target,
    base: row.base,
    cohortBases: JSON.parse(row.cohort_bases),
    signature: row.signature,
    isQuarantined: row.quarantined === 1,
    head: {
      state: row.state,
      step: row.step,
      bakeUntil: row.bake_until,
      approved: row.approved,
      isForced: row.forced === 1,
      cohorts: JSON.parse(row.cohorts),
    },
    policy: JSON.parse(row.policy),
    suspects: JSON.parse(row.suspects),
    operator: row.operator,
    reason: row.reason,
    beganAt: row.began_at,
    changedAt: row.changed_at,
    version: row.version,
  };
}
