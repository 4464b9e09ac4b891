// Steps as data, and their text: what the planner orders and an executor does.
import type { InstanceRef, ObservedInstance } from "#edge/runtime/port.ts";
import type { AppName, RevisionId } from "#shared/ids.ts";
import type { FailureReport } from "#shared/reported.ts";
import type { Outcome, Stage } from "./attempt.ts";

interface OfApp {
  app: AppName;
}
interface OfRevision extends OfApp {
  revision: RevisionId;
}

export type Step =
  /** Opens an attempt in the journal. */
  | ({ kind: "begin"; from: RevisionId | undefined } & OfRevision)
  | ({ kind: "fetch" } & OfRevision)
  | ({ kind: "verify" } & OfRevision)
  | ({ kind: "stage" } & OfRevision)
  | ({ kind: "validate" } & OfRevision)
  | ({ kind: "pull" } & OfRevision)
  /** Asks the app that serves whether it may be replaced now. */
  | ({ kind: "hold" } & OfRevision)
  | ({ kind: "check" } & OfRevision)
  | ({ kind: "swap" } & OfRevision)
  /** Instances in the order in which they go. */
  | ({ kind: "remove"; instances: ObservedInstance[]; why: string } & OfApp)
  /** Instances that may start at the same time. */
  | ({ kind: "start"; instances: InstanceRef[]; why: string } & OfRevision)
  | ({ kind: "probe" } & OfRevision)
  /** Hands the traffic over to the new copies and ends the old ones that ran beside them. */
  | ({ kind: "switch" } & OfRevision)
  | ({ kind: "commit" } & OfRevision)
  | ({ kind: "rollBack"; revision: RevisionId | undefined } & OfApp)
  /** Back to what served before the attempt, which nobody wants any more. */
  | ({ kind: "abandon"; revision: RevisionId | undefined } & OfApp)
  /** The attempt's stage is done without an act of its own. */
  | ({ kind: "advance"; stage: Stage } & OfApp)
  /** The attempt's stage failed for good. */
  | ({ kind: "fail"; stage: Stage; failure: FailureReport } & OfApp)
  | ({ kind: "close"; outcome: Outcome } & OfApp)
  /** The same revision is asked for by another commit: only its name on the disk changes. */
  | ({ kind: "relabel" } & OfRevision)
  /** Nothing of the app runs and nobody wants it. */
  | ({ kind: "forget" } & OfApp)
  /** Nothing to do before something else happens. */
  | ({ kind: "wait"; reason: string; untilMs?: number } & OfApp);

export type StepKind = Step["kind"];

/** Steps that stop or start something that serves. */
export const changing: ReadonlySet<StepKind> = new Set<StepKind>(["remove", "start"]);

/** One line, e.g. `fetch web@1a2b3c4 -> stop web/db-1 -> start web/db-1`. For tests, logs and people. */
export function renderSteps(steps: readonly Step[]): string {
  return steps.map(renderStep).join(" -> ");
}

function renderStep(step: Step): string {
  switch (step.kind) {
    case "remove":
      return `stop ${step.instances.map((i) => `${i.service}-${i.index}`).join(" ")}`;
    case "start":
      return `start ${step.instances.map((i) => `${i.service}-${i.index}`).join(" ")}`;
    case "rollBack":
    case "abandon":
      return `${step.kind} ${step.app}@${step.revision?.slice(0, 7) ?? "nothing"}`;
    case "advance":
      return `advance ${step.app} past ${step.stage}`;
    case "fail":
      return `fail ${step.app} at ${step.stage}: ${step.failure.code}`;
    case "close":
      return `close ${step.app} as ${step.outcome}`;
    case "forget":
      return `forget ${step.app}`;
    case "wait":
      return `wait ${step.app}: ${step.reason}`;
    default:
      return `${step.kind} ${step.app}@${step.revision.slice(0, 7)}`;
  }
}
