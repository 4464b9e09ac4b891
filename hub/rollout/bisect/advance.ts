// Decides what a bisect does next: which commit the canaries get, what they say of it, and where the search ends; pure.
import { judge, released } from "#hub/rollout/advance/judge.ts";
import type { Member, RolloutState } from "#hub/rollout/advance/model.ts";
import { type Moment, runningTime } from "#hub/rollout/advance/moment.ts";
import type { Bisect, BisectDecision, Candidate, Reported, Verdict } from "./model.ts";
import { culpritOf, nextTest } from "./range.ts";

// INVARIANTS
// 1. Everything that a decision rests on is in the bisect, in what is reported or in `now`: a decision that was
//    not stored is made again, the same.
// 2. Each decision does one thing: it begins a test, takes note of a canary, ends a test, or ends the search.
// 3. A canary that waits counts neither for nor against a commit.

/** In every other state the rollout itself gives devices the release, or takes it away. */
const bisectable = new Set<RolloutState>(["Halted", "Undone"]);

export function isBisectable(state: RolloutState | undefined): boolean {
  return state !== undefined && bisectable.has(state);
}

/** Pure.
 *  @param now Unix ms */
export function advanceBisect(bisect: Bisect, reported: Reported, now: number): BisectDecision {
  if (bisect.state !== "Testing") return unchanged(bisect);
  if (!isBisectable(reported.rollout)) return cancelled(bisect, endedBy(reported.rollout));
  if (bisect.testing === null) return begin(bisect, reported, now);
  const judged = judgeCanaries(bisect, reported, now);
  if (judged !== bisect) return unchanged(judged);
  return conclude(bisect, bisect.testing, { now, absences: reported.absences });
}

function endedBy(state: RolloutState | undefined): string {
  return state === undefined
    ? "a newer rollout has taken the place of this one"
    : `the rollout is ${state} now`;
}

function unchanged(bisect: Bisect, waitsFor: string | null = null): BisectDecision {
  return { bisect, tells: [], waitsFor, nextAt: null, toRead: null };
}

/** Ends it without an answer. Pure. */
export function cancelled(bisect: Bisect, why: string): BisectDecision {
  return ended(bisect, "Cancelled", why);
}

function ended(bisect: Bisect, state: "Found" | "Inconclusive" | "Cancelled", outcome: string) {
  const over: Bisect = { ...withoutTest(bisect), state, outcome };
  const type = state === "Found" ? ("Warning" as const) : ("Normal" as const);
  const tell = { type, reason: `Bisect${state}`, message: `bisect: ${outcome}` };
  return { ...unchanged(over), tells: [tell] };
}

function fresh({ device }: Member): Member {
  return { device, state: "Pending", step: null, deadlineAt: null, reason: null };
}

/** The present test begins anew: what the canaries were to have for it was lost. Pure. */
export function withoutTest(bisect: Bisect): Bisect {
  return { ...bisect, testing: null, canaries: bisect.canaries.map(fresh), bakeUntil: null };
}

/** What was read of a commit: its content, or why it has none. One with the content of a tested commit needs no
 *  test of its own. Pure. */
export function withContent(
  bisect: Bisect,
  at: number,
  read: { content: string } | { why: string },
): Bisect {
  const known = (one: Candidate): Candidate => {
    if ("why" in read) return { ...one, verdict: "skipped", why: read.why };
    const same = bisect.commits.find(
      ({ content, verdict }) => content === read.content && isTested(verdict),
    );
    if (same === undefined || isTested(one.verdict)) return { ...one, content: read.content };
    const why = `gives the canaries the same as ${same.commit.slice(0, 8)}`;
    return { ...one, content: read.content, verdict: same.verdict, why };
  };
  const commits = bisect.commits.map((one, index) => (index === at ? known(one) : one));
  return { ...bisect, commits };
}

function isTested(verdict: Verdict): boolean {
  return verdict === "good" || verdict === "bad";
}

/** The next test, or the end. */
function begin(bisect: Bisect, reported: Reported, now: number): BisectDecision {
  const at = nextTest(bisect);
  const candidate = at === undefined ? undefined : bisect.commits[at];
  if (at === undefined || candidate === undefined) return found(bisect);
  if (candidate.content === null) return { ...unchanged(bisect), toRead: at };
  if (reported.isFrozen) return unchanged(bisect, "the fleet is halted");
  const place = placeOf(bisect);
  const canaries = bisect.canaries.map((canary) => {
    const fact = reported.facts.get(canary.device);
    return fact === undefined ? left(canary) : released(fresh(canary), fact, place, now);
  });
  const message = `bisect: the canaries try ${nameOf(candidate)}`;
  const tells = [{ type: "Normal" as const, reason: "BisectTests", message }];
  return { ...unchanged({ ...bisect, testing: at, canaries, bakeUntil: null }), tells };
}

function placeOf({ policy }: Bisect) {
  return { state: "Progressing", step: 0, policy } as const;
}

function left(canary: Member): Member {
  return { ...fresh(canary), state: "Left", reason: "is no longer in the deployment" };
}

function judgeCanaries(bisect: Bisect, { facts, absences }: Reported, now: number): Bisect {
  const place = placeOf(bisect);
  const moment = { now, absences };
  const canaries = bisect.canaries.map((canary) => {
    if (canary.state === "Left") return canary;
    const fact = facts.get(canary.device);
    return fact === undefined ? left(canary) : judge(canary, fact, place, moment);
  });
  return canaries.some((canary, at) => canary !== bisect.canaries[at])
    ? { ...bisect, canaries }
    : bisect;
}

/** One canary that fails is enough to call a commit bad; good it is when all that answer are healthy for as long
 *  as the rollout's first step bakes. */
function conclude(bisect: Bisect, at: number, moment: Moment): BisectDecision {
  const { canaries, policy } = bisect;
  const failed = canaries.find(({ state }) => state === "Failed");
  if (failed !== undefined) return noted(bisect, at, "bad", `${failed.device} ${failed.reason}`);
  if (canaries.every(({ state }) => state === "Left"))
    return cancelled(bisect, "no canary is left in the deployment");
  const answered = canaries.some(({ state }) => state === "Succeeded");
  if (!answered || canaries.some(({ state }) => state === "Released"))
    return waiting(bisect, moment);
  const bake = runningTime(bisect.bakeUntil, policy.steps[0]?.bakeMs ?? 0, moment);
  if (bake.isOver) return noted(bisect, at, "good", null);
  const baking = bisect.bakeUntil === bake.endsAt ? bisect : { ...bisect, bakeUntil: bake.endsAt };
  return { ...unchanged(baking, "the test to bake"), nextAt: bake.nextAt };
}

function waiting(bisect: Bisect, moment: Moment): BisectDecision {
  const { canaries, policy } = bisect;
  const pending = canaries.filter(({ state }) => state === "Released");
  const deadlines = pending
    .flatMap(({ deadlineAt }) => deadlineAt ?? [])
    .flatMap((deadlineAt) => runningTime(deadlineAt, policy.deadlineMs, moment).nextAt ?? []);
  const away = canaries.find(({ state }) => state === "Waiting");
  const absent = away === undefined ? "a canary to return" : `${away.device}, which ${away.reason}`;
  const why = pending.length === 0 ? absent : "the canaries to answer";
  // A bake that a canary has broken begins anew.
  const next = bisect.bakeUntil === null ? bisect : { ...bisect, bakeUntil: null };
  const nextAt = deadlines.length === 0 ? null : Math.min(...deadlines);
  return { ...unchanged(next, why), nextAt };
}

function noted(bisect: Bisect, at: number, verdict: Verdict, why: string | null): BisectDecision {
  const commits = bisect.commits.map((one, index) =>
    index === at ? { ...one, verdict, why } : one,
  );
  const next = { ...withoutTest(bisect), commits };
  const wrong = wrongEnd(next, at, verdict);
  if (wrong !== undefined) return ended(next, "Inconclusive", wrong);
  const candidate = commits[at];
  const name = candidate === undefined ? "" : nameOf(candidate);
  const message = `bisect: ${name} is ${verdict}${why === null ? "" : `: ${why}`}`;
  return { ...unchanged(next), tells: [{ type: "Normal", reason: "BisectVerdict", message }] };
}

/** What it means when an end is not what it was taken for. */
function wrongEnd({ commits }: Bisect, at: number, verdict: Verdict): string | undefined {
  if (at === commits.length - 1 && verdict === "good") {
    return "the canaries run the release well; choose devices on which it fails";
  }
  if (at === 0 && verdict === "bad") {
    return "the commit that was promoted last fails too with what other branches say now, so the fault is not among this branch's commits";
  }
  return undefined;
}

function found(bisect: Bisect): BisectDecision {
  const culprit = culpritOf(bisect);
  if (culprit === undefined) return ended(bisect, "Inconclusive", "no commit was found to be bad");
  const { first, skipped } = culprit;
  const doubt =
    skipped.length === 0
      ? ""
      : `, unless it is one of ${skipped.length} before it that could not be tested: ${skipped.map(nameOf).join(", ")}`;
  return ended(
    bisect,
    "Found",
    `the first bad commit is ${nameOf(first)} by ${first.author}${doubt}`,
  );
}

function nameOf({ commit, subject }: Candidate): string {
  return `${commit.slice(0, 8)} "${subject}"`;
}
