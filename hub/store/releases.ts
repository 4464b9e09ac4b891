// Releases by digest, with every commit that their content came from.
import type { Kysely, Transaction } from "kysely";
import { sql } from "kysely";
import { z } from "zod";
import type { Digest } from "#shared/ids.ts";
import { chunksOf } from "./chunks.ts";
import { decodeCursor, pageOf } from "./cursor.ts";
import type { ReleaseRow, Store } from "./port.ts";
import type { Tables } from "./tables.ts";

export function releaseStore(
  db: Kysely<Tables>,
): Pick<Store, "saveRelease" | "release" | "releases"> {
  return {
    saveRelease: (release) => db.transaction().execute((trx) => save(trx, release)),
    release: async (digest) => {
      const query = db.selectFrom("releases").selectAll().where("digest", "=", digest);
      const [release] = await withCommits(db, await query.execute());
      return release ?? null;
    },
    releases: (query) => releasePage(db, query),
  };
}

async function save(trx: Transaction<Tables>, release: ReleaseRow): Promise<void> {
  const { digest, role, size, createdAt, commits } = release;
  await trx
    .insertInto("releases")
    .values({ digest, role, size, created_at: createdAt })
    .onConflict((conflict) => conflict.column("digest").doNothing())
    .execute();
  const rows = commits.map(({ commit, committedAt, ...rest }) => ({
    digest,
    commit_id: commit,
    committed_at: committedAt,
    ...rest,
  }));
  for (const chunk of chunksOf(rows)) {
    await trx
      .insertInto("release_commits")
      .values(chunk)
      .onConflict((conflict) => conflict.columns(["digest", "commit_id", "branch"]).doNothing())
      .execute();
  }
}

const Cursor = z.tuple([z.number(), z.string()]);

async function releasePage(
  db: Kysely<Tables>,
  { role, limit, cursor }: Parameters<Store["releases"]>[0],
): ReturnType<Store["releases"]> {
  let select = db.selectFrom("releases").selectAll();
  if (role !== undefined) select = select.where("role", "=", role);
  if (cursor !== undefined) {
    const [createdAt, digest] = decodeCursor(cursor, Cursor);
    select = select.where(sql<boolean>`(created_at, digest) < (${createdAt}, ${digest})`);
  }
  const rows = await select
    .orderBy("created_at", "desc")
    .orderBy("digest", "desc")
    .limit(limit + 1)
    .execute();
  const page = pageOf(rows, limit, (row) => [row.created_at, row.digest]);
  return { rows: await withCommits(db, page.rows), next: page.next };
}

async function withCommits(
  db: Kysely<Tables>,
  releases: Tables["releases"][],
): Promise<ReleaseRow[]> {
  if (releases.length === 0) return [];
  const digests = releases.map(({ digest }) => digest);
  const rows = await db
    .selectFrom("release_commits")
    .selectAll()
    .where("digest", "in", digests)
    .orderBy("committed_at", "desc")
    .orderBy("commit_id")
    .orderBy("branch")
    .execute();
  const byDigest = Map.groupBy(rows, ({ digest }) => digest);
  return releases.map((release) => releaseRow(release, byDigest.get(release.digest) ?? []));
}

function releaseRow(
  release: { digest: Digest; role: string; size: number; created_at: number },
  commits: Tables["release_commits"][],
): ReleaseRow {
  return {
    digest: release.digest,
    role: release.role,
    size: release.size,
    createdAt: release.created_at,
    commits: commits.map((row) => ({
      commit: row.commit_id,
      branch: row.branch,
      author: row.author,
      subject: row.subject,
      committedAt: row.committed_at,
    })),
  };
}
