// Deletes what is old, a bounded number of rows at a time, found through indexes by age.
import { type Kysely, sql, type Transaction } from "kysely";
import type { Digest } from "#shared/ids.ts";
import { EntryKind } from "#shared/journal.ts";
import { entryWeight, eventWeight } from "./cut.ts";
import type { Allowance } from "./holding_port.ts";
import { countDeleted, relieve } from "./holdings.ts";
import type { Pruned, PruneLimits, PruneStore } from "./prune_port.ts";
import type { Tables } from "./tables.ts";

export function pruneStore(db: Kysely<Tables>, allowance: Allowance): PruneStore {
  return { prune: (limits) => db.transaction().execute((trx) => prune(trx, limits, allowance)) };
}

/** Updates, and runs with their logs. */
export const updateKinds: ReadonlySet<EntryKind> = new Set<EntryKind>([
  "update.started",
  "step.started",
  "step.finished",
  "update.finished",
  "run.started",
  "run.step.started",
  "run.step.ended",
  "run.log",
  "run.ended",
]);
const otherKinds = EntryKind.options.filter((kind) => !updateKinds.has(kind));

async function prune(
  trx: Transaction<Tables>,
  limits: PruneLimits,
  allowance: Allowance,
): Promise<Pruned> {
  const { maxRows } = limits;
  return {
    journal: await pruneJournal(trx, otherKinds, limits.journalBefore, maxRows),
    updates: await pruneJournal(trx, [...updateKinds], limits.updatesBefore, maxRows),
    runs: await pruneRuns(trx, limits.updatesBefore, maxRows),
    events: await pruneEvents(trx, limits.eventsBefore, maxRows),
    cut: await relieve(trx, allowance, limits),
    tokens: await pruneTokens(trx, limits.tokensBefore, maxRows),
    releases: await pruneReleases(trx, limits),
    branches: await pruneBranches(trx, limits.branchesInUse),
  };
}

interface Deletion {
  numDeletedRows: bigint;
}

function rowsOf({ numDeletedRows }: Deletion): number {
  return Number(numDeletedRows);
}

async function pruneJournal(
  trx: Transaction<Tables>,
  kinds: EntryKind[],
  before: number,
  maxRows: number,
): Promise<number> {
  const old = trx
    .selectFrom("journal")
    .select(["device", "epoch", "seq"])
    .where("kind", "in", kinds)
    .where("received_at", "<", before)
    .limit(maxRows);
  const deleted = await trx
    .deleteFrom("journal")
    .where(sql<boolean>`(device, epoch, seq) in ${old}`)
    .returning(["device", entryWeight])
    .execute();
  await countDeleted(trx, "journal", deleted);
  return deleted.length;
}

/** Those that are over and of which the device knows it. */
async function pruneRuns(
  trx: Transaction<Tables>,
  before: number,
  maxRows: number,
): Promise<number> {
  const old = trx
    .selectFrom("runs")
    .select("id")
    .where("ordered_at", "<", before)
    .where("standing", "=", 0)
    .where("state", "not in", ["Pending", "Running"])
    .limit(maxRows);
  return rowsOf(await trx.deleteFrom("runs").where("id", "in", old).executeTakeFirstOrThrow());
}

async function pruneEvents(
  trx: Transaction<Tables>,
  before: number,
  maxRows: number,
): Promise<number> {
  const old = trx.selectFrom("events").select("id").where("at", "<", before).limit(maxRows);
  const deleted = await trx
    .deleteFrom("events")
    .where("id", "in", old)
    .returning(["device", eventWeight])
    .execute();
  await countDeleted(trx, "events", deleted);
  return deleted.length;
}

async function pruneTokens(
  trx: Transaction<Tables>,
  before: number,
  maxRows: number,
): Promise<number> {
  const ended = trx
    .selectFrom("tokens")
    .select("hash")
    .where("expires_at", "<", before)
    .limit(maxRows);
  return rowsOf(
    await trx.deleteFrom("tokens").where("hash", "in", ended).executeTakeFirstOrThrow(),
  );
}

/** A release that a revert brought back counts by that commit, not by the one that first had it. */
async function pruneReleases(trx: Transaction<Tables>, limits: PruneLimits): Promise<number> {
  const { releasesBefore, releasesPerBranch, releasesInUse, maxRows } = limits;
  const inUse = new Set<Digest>([...releasesInUse, ...(await newest(trx, releasesPerBranch))]);
  const candidates = await trx
    .selectFrom("releases")
    .select("digest")
    .where("created_at", "<", releasesBefore)
    .execute();
  const old = candidates.map(({ digest }) => digest).filter((digest) => !inUse.has(digest));
  if (old.length === 0) return 0;
  const deletion = trx.deleteFrom("releases").where("digest", "in", old.slice(0, maxRows));
  return rowsOf(await deletion.executeTakeFirstOrThrow());
}

async function newest(trx: Transaction<Tables>, perBranch: number): Promise<Digest[]> {
  const { rows } = await sql<{ digest: Digest }>`
    select digest from (
      select c.digest, row_number() over (
        partition by r.role, c.branch order by max(c.committed_at) desc, c.digest
      ) as place
      from release_commits c join releases r on r.digest = c.digest
      group by c.digest, r.role, c.branch
    ) placed where place <= ${perBranch}`.execute(trx);
  return rows.map(({ digest }) => digest);
}

async function pruneBranches(
  trx: Transaction<Tables>,
  inUse: readonly string[] | undefined,
): Promise<number> {
  if (inUse === undefined || inUse.length === 0) return 0;
  const deletion = trx.deleteFrom("branches").where("branch", "not in", [...inUse]);
  return rowsOf(await deletion.executeTakeFirstOrThrow());
}
