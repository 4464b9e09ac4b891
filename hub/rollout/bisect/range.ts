// Which commits of a bisect are still open, which one halves them, and which one was the first bad one; pure.
import type { Bisect, Candidate } from "./model.ts";

type Commits = Pick<Bisect, "commits">;

interface Bounds {
  /** The newest commit known as good below the oldest one known as bad; -1: none. */
  good: number;
  /** The oldest commit known as bad; one beyond the last: none. */
  bad: number;
}

function boundsOf({ commits }: Commits): Bounds {
  const found = commits.findIndex(({ verdict }) => verdict === "bad");
  const bad = found === -1 ? commits.length : found;
  const good = commits.slice(0, bad).findLastIndex(({ verdict }) => verdict === "good");
  return { good, bad };
}

/** Indices of the commits that a test could still tell apart. */
function openCommits(bisect: Commits): number[] {
  const { good, bad } = boundsOf(bisect);
  const between: number[] = [];
  for (let at = good + 1; at < bad; at += 1) {
    if (bisect.commits[at]?.verdict === "untested") between.push(at);
  }
  return between;
}

/** The commit to test next; undefined when every test was made. The ends come first: a search between ends that
 *  were not seen on the canaries would accuse a commit for nothing. */
export function nextTest(bisect: Commits): number | undefined {
  const { commits } = bisect;
  const last = commits.length - 1;
  if (commits[last]?.verdict === "untested") return last;
  if (commits[0]?.verdict === "untested") return 0;
  const between = openCommits(bisect);
  return between[Math.floor((between.length - 1) / 2)];
}

/** Tests that are left at most. */
export function testsLeft(bisect: Commits): number {
  const { commits } = bisect;
  const ends = [...new Set([0, commits.length - 1])].filter(
    (at) => commits[at]?.verdict === "untested",
  );
  const inner = openCommits(bisect).filter((at) => !ends.includes(at)).length;
  return ends.length + Math.ceil(Math.log2(inner + 1));
}

interface Culprit {
  first: Candidate;
  /** Commits right before it that could not be tested: one of them may be the first bad one. */
  skipped: Candidate[];
}

/** Undefined while no commit is known as bad, or none as good. */
export function culpritOf(bisect: Commits): Culprit | undefined {
  const { good, bad } = boundsOf(bisect);
  const first = bisect.commits[bad];
  if (first === undefined || good === -1) return undefined;
  return { first, skipped: bisect.commits.slice(good + 1, bad) };
}
