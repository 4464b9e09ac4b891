// Decides what a rollout does next: which devices get the release, whether a gate holds, whether it halts; pure.
import type { RolloutStep } from "#hub/release/rollout_policy.ts";
import type { DeviceId } from "#shared/ids.ts";
import { type Harm, harmOf, has } from "./harm.ts";
import { judge, released } from "./judge.ts";
import type { Decision, Facts, Member, Rollout, RolloutHead, Tell, Trait } from "./model.ts";
import { type Moment, runningTime } from "./moment.ts";
import { pick, quotaOf, scopeOf } from "./pick.ts";
import { suspectsInWords } from "./separate.ts";

// INVARIANTS
// 1. Everything that a decision rests on is in the rollout, in the facts or in `now`: a decision that was not
//    stored is made again, the same.
// 2. A device is released once: what has a step keeps it until it is sent back.
// 3. Devices that wait count neither for nor against a gate.
// 4. Nothing is released while Paused, Halted, Undone, Superseded, or while the fleet is frozen.

interface Draft extends Moment {
  rollout: Rollout;
  facts: Facts;
  marks: Map<DeviceId, Member>;
  tells: Tell[];
  waitsFor: string | null;
  nextAt: number | null;
}

const over = new Set(["Undone", "Superseded"]);
const moving = new Set(["Progressing", "Baking", "AwaitingApproval"]);

interface Circumstances extends Partial<Pick<Moment, "absences">> {
  /** The whole fleet is halted: devices are judged, nothing is released. */
  isFrozen?: boolean;
}

/** Pure.
 *  @param facts of every device of the deployment
 *  @param now Unix ms */
export function advance(
  rollout: Rollout,
  facts: Facts,
  now: number,
  { isFrozen = false, absences = [] }: Circumstances = {},
): Decision {
  const draft: Draft = {
    rollout,
    facts,
    now,
    absences,
    marks: new Map(),
    tells: [],
    waitsFor: null,
    nextAt: null,
  };
  if (over.has(rollout.state)) return decisionOf(draft);
  judgeMembers(draft);
  holdCohorts(draft);
  const harm =
    rollout.state === "Promoted" || rollout.state === "Halted" ? undefined : settleHarm(draft);
  if (harm !== undefined) return { ...halted(draft, harm), suspects: harm.suspects };
  if (moving.has(draft.rollout.state)) {
    if (isFrozen) draft.waitsFor = "the fleet is halted";
    else proceed(draft);
  }
  earliestDeadline(draft);
  return decisionOf(draft);
}

function decisionOf({ rollout, marks, tells, waitsFor, nextAt }: Draft): Decision {
  const { id: _, policy: _policy, members: _members, ...head } = rollout;
  return { head, marks: [...marks.values()], tells, waitsFor, nextAt, suspects: null };
}

function set(draft: Draft, change: Partial<RolloutHead>): void {
  draft.rollout = { ...draft.rollout, ...change };
}

function mark(draft: Draft, changed: ReadonlyMap<DeviceId, Member>): void {
  if (changed.size === 0) return;
  for (const [device, member] of changed) draft.marks.set(device, member);
  const members = draft.rollout.members.map((member) => changed.get(member.device) ?? member);
  draft.rollout = { ...draft.rollout, members };
}

function judgeMembers(draft: Draft): void {
  const { rollout, facts } = draft;
  const changed = new Map<DeviceId, Member>();
  for (const member of rollout.members) {
    const next = judge(member, facts.get(member.device), rollout, draft);
    if (next === member) continue;
    changed.set(member.device, next);
    tellMember(draft, member, next);
  }
  mark(draft, changed);
}

function tellMember({ tells }: Draft, before: Member, { device, state, reason }: Member): void {
  if (state === "Failed") {
    tells.push({
      type: "Warning",
      reason: "RolloutDeviceFailed",
      message: `the device ${reason}`,
      device,
    });
  } else if (state === "Waiting" && before.state === "Released") {
    tells.push({
      type: "Normal",
      reason: "RolloutDeviceWaits",
      message: `the device ${reason}`,
      device,
    });
  }
}

/** Leaves cohorts out as long as that heals the rollout.
 *  @returns the harm that is left */
function settleHarm(draft: Draft): Harm | undefined {
  for (;;) {
    const harm = harmOf(draft.rollout, draft.facts, draft.now);
    if (harm?.cohort === undefined) return harm;
    leaveOut(draft, harm.cohort);
    const words = `${harm.words}; ${suspectsInWords(harm.suspects)}; only devices with ${nameOf(harm.cohort)} stop`;
    draft.tells.push({ type: "Warning", reason: "RolloutCohortHalted", message: words });
  }
}

function leaveOut(draft: Draft, cohort: Trait): void {
  set(draft, { cohorts: [...draft.rollout.cohorts, cohort] });
  holdCohorts(draft);
}

/** Also devices that came to the deployment since. */
function holdCohorts(draft: Draft): void {
  const { members, cohorts } = draft.rollout;
  const changed = new Map<DeviceId, Member>();
  for (const member of members) {
    const cohort = cohorts.find((one) => has(draft.facts.get(member.device), one));
    if (cohort === undefined || isOut(member)) continue;
    const reason = `belongs to ${nameOf(cohort)}`;
    changed.set(member.device, { ...member, state: "Held", deadlineAt: null, reason });
  }
  mark(draft, changed);
}

function nameOf({ key, value }: Trait): string {
  return `${key}=${value}`;
}

function isOut({ state }: Member): boolean {
  return state === "Left" || state === "Reverted" || state === "Held";
}

/** Devices that have the release return to the last one that was promoted with them; the others stay as they are. */
function halted(draft: Draft, harm: Harm): Decision {
  set(draft, { state: "Halted", bakeUntil: null });
  mark(draft, healed(draft.rollout.members, "the rollout halted"));
  const message = `halted: ${harm.words}; ${suspectsInWords(harm.suspects)}`;
  draft.tells.push({ type: "Warning", reason: "RolloutHalted", message });
  return decisionOf(draft);
}

/** Members that have the release or are to have it, as they return. */
export function healed(members: readonly Member[], reason: string): Map<DeviceId, Member> {
  const given = members.filter((member) => member.state !== "Pending" && !isOut(member));
  return new Map(given.map((member) => [member.device, sentBack(member, reason)]));
}

/** What it had done wrong stays known. */
export function sentBack(member: Member, why: string): Member {
  const failed = member.state === "Failed" && member.reason !== null ? `${member.reason}; ` : "";
  return { ...member, state: "Reverted", deadlineAt: null, reason: `${failed}${why}` };
}

/** Goes through steps until one must wait. */
function proceed(draft: Draft): void {
  const { steps } = draft.rollout.policy;
  for (let more = true; more; ) {
    const step = steps[draft.rollout.step];
    more = step !== undefined && passes(draft, step, draft.rollout.step === steps.length - 1);
  }
}

/** @returns whether the step is over and another follows */
function passes(draft: Draft, step: RolloutStep, isLast: boolean): boolean {
  const { rollout } = draft;
  if (step.approval && rollout.approved < rollout.step && !rollout.isForced) {
    return waitForApproval(draft);
  }
  const picked = release(draft, step, isLast);
  const gate = picked.short > 0 ? "open" : gateOf(draft, step, isLast);
  if (gate !== "holds") {
    set(draft, { state: "Progressing", bakeUntil: null });
    draft.waitsFor =
      picked.waitsFor ??
      (gate === "silent" ? silence(draft) : `devices of step ${rollout.step + 1} to answer`);
    draft.nextAt = picked.nextAt;
    return false;
  }
  if (!hasBaked(draft, step)) return false;
  return stepOver(draft, isLast);
}

function silence({ rollout }: Draft): string {
  const waiting = rollout.members.filter(({ state }) => state === "Waiting");
  const told = waiting.find(({ step }) => step === rollout.step) ?? waiting[0];
  const why =
    told === undefined ? "those that it selects are away" : `${told.device} ${told.reason}`;
  return `a first device of the step to answer; ${why}`;
}

function waitForApproval(draft: Draft): false {
  const { rollout } = draft;
  const name = `step ${rollout.step + 1}`;
  if (rollout.state !== "AwaitingApproval") {
    draft.tells.push({
      type: "Normal",
      reason: "RolloutAwaitsApproval",
      message: `${name} may begin when somebody approves it`,
    });
  }
  set(draft, { state: "AwaitingApproval", bakeUntil: null });
  draft.waitsFor = `the approval of ${name}`;
  return false;
}

function release(draft: Draft, step: RolloutStep, isLast: boolean): ReturnType<typeof pick> {
  const { facts, now, rollout } = draft;
  const picked = pick(rollout, step, { facts, now, isLast });
  const members = picked.devices.map(({ fact, ...member }): [DeviceId, Member] => [
    member.device,
    released(member, fact, rollout, now),
  ]);
  mark(draft, new Map(members));
  return picked;
}

/** `silent`: the step has devices, and nobody has answered. For the last step an answer in any step will do; one
 *  whose devices have all left the deployment has nobody to wait for. */
function gateOf(
  { rollout, facts }: Draft,
  step: RolloutStep,
  isLast: boolean,
): "open" | "holds" | "silent" {
  const { members } = rollout;
  const own = members.filter((member) => member.step === rollout.step);
  if (own.some(({ state }) => state === "Released")) return "open";
  if (rollout.isForced) return "holds";
  if (isLast) return own.every(hasLeft) || members.some(hasAnswered) ? "holds" : "silent";
  if (own.some(hasAnswered)) return "holds";
  const scope = scopeOf(step, members, facts);
  return scope.filter(hasAnswered).length >= quotaOf(step, scope) ? "holds" : "silent";
}

function hasLeft({ state }: Member): boolean {
  return state === "Left";
}

function hasAnswered({ state }: Member): boolean {
  return state === "Succeeded" || state === "Failed";
}

function hasBaked(draft: Draft, { bakeMs }: RolloutStep): boolean {
  const { rollout } = draft;
  if (bakeMs === 0 || rollout.isForced) return true;
  const { endsAt, isOver, nextAt } = runningTime(rollout.bakeUntil, bakeMs, draft);
  if (isOver) return true;
  set(draft, { state: "Baking", bakeUntil: endsAt });
  draft.waitsFor = `step ${rollout.step + 1} to bake`;
  draft.nextAt = nextAt;
  return false;
}

function stepOver(draft: Draft, isLast: boolean): boolean {
  const { rollout } = draft;
  const { steps } = rollout.policy;
  const own = rollout.members.filter(({ step }) => step === rollout.step);
  const healthy = own.filter(({ state }) => state === "Succeeded").length;
  const words = `step ${rollout.step + 1} of ${steps.length} is over: ${healthy} of ${own.length} devices healthy`;
  // A step that nobody answers in has tested nothing; a label that is wrong, or taken away, must not pass unseen.
  const type = isLast || own.some(hasAnswered) ? "Normal" : "Warning";
  draft.tells.push({
    type,
    reason: isLast ? "RolloutPromoted" : "RolloutStepOver",
    message: words,
  });
  if (isLast) set(draft, { state: "Promoted", bakeUntil: null });
  else set(draft, { state: "Progressing", step: rollout.step + 1, bakeUntil: null });
  return !isLast;
}

function earliestDeadline(draft: Draft): void {
  const { policy, members } = draft.rollout;
  for (const { deadlineAt } of members) {
    if (deadlineAt === null) continue;
    const { nextAt } = runningTime(deadlineAt, policy.deadlineMs, draft);
    if (nextAt !== null) draft.nextAt = Math.min(nextAt, draft.nextAt ?? nextAt);
  }
}
