// Takes up a new state of the fleet: begins and ends rollouts, and forgets what nothing names any more.
import type { NotNull, Transaction } from "kysely";
import { chunksOf } from "./chunks.ts";
import { insertEvents } from "./events.ts";
import type { HubEvent } from "./port.ts";
import type { CohortBase, FollowChange, MemberRow, NewRollout } from "./rollout_port.ts";
import { Fenced, headColumns, memberColumns } from "./rollout_rows.ts";
import type { Tables } from "./tables.ts";

/** Of each deployment so many stay for people to read. */
const kept = 50;

/** Within the caller's transaction. */
export async function follow(trx: Transaction<Tables>, change: FollowChange): Promise<HubEvent[]> {
  await insertSnapshot(trx, change.snapshot);
  for (const ended of change.ended) await endRollout(trx, ended, change.now);
  for (const rollout of change.begun) await insertRollout(trx, rollout);
  await forgetOldRollouts(trx);
  await forgetOldSnapshots(trx, change.snapshot.id);
  return insertEvents(trx, change.events);
}

async function insertSnapshot(
  trx: Transaction<Tables>,
  { id, fleet }: FollowChange["snapshot"],
): Promise<void> {
  const last = await trx
    .selectFrom("snapshots")
    .select((eb) => eb.fn.max("place").as("place"))
    .executeTakeFirst();
  const place = Number(last?.place ?? 0) + 1;
  await trx
    .insertInto("snapshots")
    .values({ id, place, body: JSON.stringify(fleet) })
    .onConflict((conflict) => conflict.column("id").doUpdateSet({ place }))
    .execute();
}

async function endRollout(
  trx: Transaction<Tables>,
  { id, version }: FollowChange["ended"][number],
  now: number,
): Promise<void> {
  const updated = await trx
    .updateTable("rollouts")
    .set({ state: "Superseded", version: version + 1, changed_at: now })
    .where("id", "=", id)
    .where("version", "=", version)
    .executeTakeFirstOrThrow();
  if (updated.numUpdatedRows !== 1n) throw new Fenced();
}

async function insertRollout(trx: Transaction<Tables>, rollout: NewRollout): Promise<void> {
  const { value: id } = await trx
    .insertInto("counters")
    .values({ name: "rollouts", value: 1 })
    .onConflict((conflict) =>
      conflict.column("name").doUpdateSet((eb) => ({ value: eb("counters.value", "+", 1) })),
    )
    .returning("value")
    .executeTakeFirstOrThrow();
  const { deployment, branch, commit, digest, target, base, signature, beganAt } = rollout;
  await trx
    .insertInto("rollouts")
    .values({
      ...{ id, deployment, branch, commit_id: commit, digest, target, base, signature },
      ...headColumns(rollout.head),
      quarantined: rollout.isQuarantined ? 1 : 0,
      cohort_bases: JSON.stringify(rollout.cohortBases),
      policy: JSON.stringify(rollout.policy),
      suspects: "[]",
      operator: null,
      reason: null,
      began_at: beganAt,
      changed_at: beganAt,
      version: 1,
    })
    .execute();
  await insertMembers(trx, id, rollout.members, { from: 0, now: beganAt });
}

/** @param from the first one's place in the order of release */
export async function insertMembers(
  trx: Transaction<Tables>,
  rollout: number,
  members: readonly MemberRow[],
  { from, now }: { from: number; now: number },
): Promise<void> {
  const rows = members.map(({ member, before, base = null }, at) => ({
    ...{ rollout, device: member.device, place: from + at, before, base },
    ...memberColumns(member),
    changed_at: now,
  }));
  for (const chunk of chunksOf(rows))
    await trx.insertInto("rollout_devices").values(chunk).execute();
}

async function forgetOldRollouts(trx: Transaction<Tables>): Promise<void> {
  const deployments = await trx.selectFrom("rollouts").select("deployment").distinct().execute();
  for (const { deployment } of deployments) {
    const newest = trx
      .selectFrom("rollouts")
      .select("id")
      .where("deployment", "=", deployment)
      .orderBy("id", "desc")
      .limit(kept);
    await trx
      .deleteFrom("rollouts")
      .where("deployment", "=", deployment)
      .where("id", "not in", newest)
      .execute();
  }
}

/** What no newest rollout and no device of one names any more. */
async function forgetOldSnapshots(trx: Transaction<Tables>, current: string): Promise<void> {
  const latest = trx
    .selectFrom("rollouts")
    .select((eb) => eb.fn.max("id").as("id"))
    .groupBy("deployment");
  const named = trx.selectFrom("rollouts").where("id", "in", latest);
  const had = trx.selectFrom("rollout_devices").where("rollout", "in", latest);
  const cohorts = await named.select("cohort_bases").execute();
  const bases = cohorts.flatMap((row): CohortBase[] => JSON.parse(row.cohort_bases));
  await trx
    .deleteFrom("snapshots")
    .where("id", "not in", [current, ...bases.map(({ base }) => base)])
    .where("id", "not in", named.select("base"))
    .where("id", "not in", named.select("target"))
    .where("id", "not in", had.select("before").distinct())
    .where(
      "id",
      "not in",
      had.select("base").where("base", "is not", null).$narrowType<{ base: NotNull }>().distinct(),
    )
    .execute();
}
