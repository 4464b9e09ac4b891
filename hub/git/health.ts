// Whether the fleet repository can be read, in the words that operators see.
import type { RepositoryStatus } from "./watch.ts";

export interface RepositoryHealth {
  /** Without credentials. */
  url: string;
  /** Whether the last fetch worked; false before the first. */
  reachable: boolean;
  /** One sentence: why the last fetch did not work, or why what it brought could not be taken in, or which accepted
   *  commit is missing. */
  problem: string | null;
  /** The next step for that problem. */
  hint: string | null;
  /** Unix ms of the last fetch that worked; null before the first. */
  fetchedAt: number | null;
}

/** An accepted commit that cannot be read. */
interface Unread {
  branch: string;
  commit: string;
  /** One sentence. */
  reason: string;
}

/** Pure. */
export function repositoryHealth(
  url: string,
  status: RepositoryStatus,
  unread: readonly Unread[] = [],
): RepositoryHealth {
  const { reachable, fetchedAt, problem } = status;
  const hint = problem === undefined ? unreadHint(unread) : problem.hint;
  return {
    url,
    reachable,
    problem: problem?.sentence ?? unreadInWords(unread),
    hint: hint ?? null,
    fetchedAt: fetchedAt ?? null,
  };
}

function unreadInWords(unread: readonly Unread[]): string | null {
  if (unread.length === 0) return null;
  return unread
    .map(
      ({ branch, commit, reason }) =>
        `the accepted commit ${commit.slice(0, 8)} of branch ${branch} cannot be read: ${reason}`,
    )
    .join("; ");
}

function unreadHint(unread: readonly Unread[]): string | undefined {
  if (unread.length === 0) return undefined;
  const branches = unread.map(({ branch }) => branch).join(", ");
  return `Devices keep what they have. Push a commit to ${branches}, which rolls out as any other, or push the missing one again.`;
}
