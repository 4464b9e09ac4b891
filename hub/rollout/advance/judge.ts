// What became of one device of a rollout, by what it says and by the time; pure.
import type { Fact, Member, Rollout } from "./model.ts";
import { type Moment, runningTime } from "./moment.ts";

type Place = Pick<Rollout, "state" | "step" | "policy">;

/** The member's next state; the same object when nothing changed. A device that is away, in safe mode since
 *  before, held back by a window or a person, or still on its way to the release says nothing about it. Pure.
 *  @param fact undefined when the device is no longer in the deployment */
export function judge(
  member: Member,
  fact: Fact | undefined,
  place: Place,
  moment: Moment,
): Member {
  if (fact === undefined) return moved(member, "Left", "is no longer in the deployment");
  switch (member.state) {
    case "Left":
      return { ...member, state: "Pending", step: null, deadlineAt: null, reason: null };
    case "Released":
      return judgeReleased(member, fact, place, moment);
    case "Waiting":
      return judgeWaiting(member, fact, place, moment.now);
    case "Succeeded":
      return judgeSucceeded(member, fact, place, moment.now);
    case "Failed":
      return fact.answer === "succeeded" && !fact.isSafe
        ? moved(member, "Succeeded", null)
        : member;
    case "Pending":
    case "Reverted":
    case "Held":
      return member;
  }
}

/** A device that gets the release now. One that cannot take it waits from the start. Pure. */
export function released(member: Member, fact: Fact, place: Place, now: number): Member {
  const given = { ...member, step: place.step, reason: null };
  if (fact.isSafe) return moved(given, "Waiting", "is in safe mode since before the release");
  if (fact.connection !== "Online") return moved(given, "Waiting", "is away");
  if (fact.isPinned) return moved(given, "Waiting", "is pinned");
  return { ...given, state: "Released", deadlineAt: now + place.policy.deadlineMs };
}

function judgeReleased(member: Member, fact: Fact, { policy }: Place, moment: Moment): Member {
  if (fact.isSafe) return judgeSafe(member, fact);
  if (fact.answer === "succeeded") return moved(member, "Succeeded", null);
  if (fact.answer === "refused")
    return moved(member, "Failed", `refused or rolled back${quoted(fact)}`);
  if (fact.isPinned) return moved(member, "Waiting", "was pinned meanwhile");
  const { deadlineAt } = member;
  if (deadlineAt === null) return member;
  const { endsAt, isOver } = runningTime(deadlineAt, policy.deadlineMs, moment);
  if (endsAt !== deadlineAt) return { ...member, deadlineAt: endsAt };
  return isOver ? judgeLate(member, fact) : member;
}

/** Only what has come to the release on time and is not well speaks against it. */
function judgeLate(member: Member, fact: Fact): Member {
  if (fact.connection !== "Online") return moved(member, "Waiting", "was away at its deadline");
  if (fact.isHeld) return moved(member, "Waiting", `is held back${quoted(fact)}`);
  if (fact.mayBegin) return moved(member, "Waiting", `could not take it yet${quoted(fact)}`);
  return moved(member, "Failed", `was not healthy at its deadline${quoted(fact)}`);
}

function judgeSafe(member: Member, fact: Fact): Member {
  const words = `entered safe mode${quoted(fact)}`;
  return moved(member, fact.isSafeAnyway === true ? "Waiting" : "Failed", words);
}

/** It has returned: from the moment at which it comes to the release it must answer as the others. */
function judgeWaiting(member: Member, fact: Fact, { policy }: Place, now: number): Member {
  if (fact.isSafe) return member;
  if (fact.answer === "succeeded") return moved(member, "Succeeded", null);
  // What a pinned device refused it refused before the pin.
  if (fact.isPinned) return member;
  if (fact.answer === "refused")
    return moved(member, "Failed", `refused or rolled back${quoted(fact)}`);
  if (fact.connection !== "Online" || fact.isHeld || fact.mayBegin) return member;
  return { ...member, state: "Released", deadlineAt: now + policy.deadlineMs, reason: null };
}

/** While its step is on trial a device may still fall ill. */
function judgeSucceeded(member: Member, fact: Fact, place: Place, now: number): Member {
  const onTrial = place.state !== "Promoted" && member.step === place.step;
  if (!onTrial) return member;
  if (fact.isSafe) return fact.isSafeAnyway ? member : judgeSafe(member, fact);
  if (fact.answer === "refused") return moved(member, "Failed", `rolled back${quoted(fact)}`);
  if (fact.answer !== "unhealthy" || fact.connection !== "Online") return member;
  const deadlineAt = now + place.policy.deadlineMs;
  return { ...member, state: "Released", deadlineAt, reason: "was healthy and is no longer" };
}

function moved(member: Member, state: Member["state"], reason: string | null): Member {
  if (member.state === state) return member;
  return { ...member, state, deadlineAt: null, reason };
}

function quoted({ words }: Fact): string {
  return words === null ? "" : `: ${words}`;
}
