// What a round has seen, as runs look at it.
import { preparing } from "#edge/plan/attempt.ts";
import type { AppInput } from "#edge/plan/input.ts";
import type { Seen, SeenApp } from "#edge/run/port.ts";
import type { AppReport, ReportedState } from "#shared/reported.ts";
import type { Observation } from "./gather.ts";

/** @param sinceMs when the round began to look, ms since boot */
export function seenBy(
  { apps, stored, silent }: Observation,
  reported: ReportedState,
  sinceMs: number,
): Seen {
  const reports = new Map(reported.apps.map((report) => [report.name, report]));
  const [unseen] = silent.values();
  return {
    sinceMs,
    apps: apps.map((input) => seenApp(input, reports.get(input.app))),
    stored: stored.map(({ app }) => app),
    ...(unseen === undefined ? {} : { blindBy: unseen.sentence }),
  };
}

function seenApp(input: AppInput, report: AppReport | undefined): SeenApp {
  const { app: name, instances, attempt, target, quarantined, resting } = input;
  const failure = target === undefined ? undefined : quarantined.get(target.revision);
  const [why] = report?.why ?? [];
  return {
    name,
    sync: report?.sync ?? "Unknown",
    health: report?.health ?? "Unknown",
    copies: instances.length,
    isUpdating: attempt !== undefined && !preparing.has(attempt.stage),
    // The safe-mode stack waits for its hour.
    isWanted: target !== undefined && resting !== "dormant",
    ...(failure === undefined ? {} : { quarantine: failure.message }),
    ...(why === undefined ? {} : { why: why.message }),
  };
}
