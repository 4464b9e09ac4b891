// What a bisect begins with: the commits between the last promoted release and the rollout's, and its canaries.
import { sourceOf } from "#hub/desired/compute/render.ts";
import type { CommitInfo } from "#hub/git/objects.ts";
import { entryOf, type FleetSnapshot } from "#hub/release/model.ts";
import { type Placed, revisionIn } from "#hub/rollout/begin.ts";
import { canonicalHash } from "#shared/canonical.ts";
import { FleetError } from "#shared/errors.ts";
import type { AppName, DeviceId } from "#shared/ids.ts";
import type { Candidate, Verdict } from "./model.ts";

/** Nine tests; beyond that somebody should look at the history first. */
const maxCommits = 500;

interface Span {
  /** Of the deployment's branch: promoted last, and the rollout's. */
  good: string;
  bad: string;
}

/** @throws FleetError state_conflict */
export function spanOf(branch: string, base: FleetSnapshot, bad: string): Span {
  const good = entryOf(base.branches, branch)?.commit;
  if (good === undefined) {
    const hint =
      "A search needs a release that was good to begin from; look at the commits by hand.";
    throw conflict(`nothing of the branch ${branch} was promoted before`, hint);
  }
  if (good === bad) {
    throw conflict(
      `no commit of the branch ${branch} lies between: what changed came from another branch`,
      "Look at the newest commits of the default branch: fleet.yaml, sites, devices.",
    );
  }
  return { good, bad };
}

/** @param between after the good one, up to the bad one
 *  @throws FleetError state_conflict */
export function candidatesOf(
  good: CommitInfo,
  between: readonly CommitInfo[] | undefined,
): Candidate[] {
  if (between === undefined) {
    throw conflict(
      `commit ${good.commit.slice(0, 8)}, which was promoted last, is not in the branch's history any more`,
      "The branch was rewritten: compare both commits by hand.",
    );
  }
  if (between.length > maxCommits) {
    const hint = "Narrow it down first: pin a device to a commit in the middle and see.";
    throw conflict(`${between.length} commits lie between; ${maxCommits} are the most`, hint);
  }
  return [good, ...between].map((info) => ({
    ...info,
    ...{ verdict: "untested", why: null, content: null },
  }));
}

/** Names what these devices would get; undefined while any of them would get nothing. */
export function contentFor(
  fleet: FleetSnapshot,
  deployment: AppName,
  devices: readonly Placed[],
): string | undefined {
  const source = sourceOf(fleet, deployment);
  const revisions = devices.map((device): [DeviceId, string | undefined] => [
    device.id,
    revisionIn(source, device),
  ]);
  return revisions.some(([, revision]) => revision === undefined)
    ? undefined
    : canonicalHash(revisions);
}

/** What is known of one end of the search: its content, and whether it was seen on devices. */
export interface End {
  content: string | undefined;
  isProven: boolean;
}

/** @throws FleetError state_conflict when both ends are the same to the canaries */
export function withEnds(all: readonly Candidate[], good: End, bad: End): Candidate[] {
  if (bad.content !== undefined && bad.content === good.content) {
    const hint = "Name other devices: some on which the release changes something.";
    throw conflict("the canaries have the same before and after", hint);
  }
  return all.map((one, at) => {
    if (at === 0) return endOf(one, good, "good");
    return at === all.length - 1 ? endOf(one, bad, "bad") : one;
  });
}

function endOf(one: Candidate, { content, isProven }: End, verdict: Verdict): Candidate {
  return { ...one, content: content ?? null, verdict: isProven ? verdict : "untested" };
}

function conflict(message: string, hint: string): FleetError {
  return new FleetError("state_conflict", { message, hint });
}
