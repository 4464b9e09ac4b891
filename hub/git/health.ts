// Whether the fleet repository can be read, in the words that operators see.
import type { RepositoryStatus } from "./watch.ts";

export interface RepositoryHealth {
  /** Without credentials. */
  url: string;
  /** Whether the last fetch worked; false before the first. */
  reachable: boolean;
  /** One sentence: why the last fetch did not work, or why what it brought could not be taken in. */
  problem: string | null;
  /** The next step for that problem. */
  hint: string | null;
  /** Unix ms of the last fetch that worked; null before the first. */
  fetchedAt: number | null;
}

/** Pure. */
export function repositoryHealth(url: string, status: RepositoryStatus): RepositoryHealth {
  const { reachable, fetchedAt, problem } = status;
  return {
    url,
    reachable,
    problem: problem?.sentence ?? null,
    hint: problem?.hint ?? null,
    fetchedAt: fetchedAt ?? null,
  };
}
