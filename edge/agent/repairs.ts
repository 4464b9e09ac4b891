// Remembers how the repair of what runs goes: drifts are journalled once, failures are waited out.
import type { Journal } from "#edge/journal/port.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { changing, renderSteps, type Step } from "#edge/plan/step.ts";
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import type { AppName } from "#shared/ids.ts";
import type { FailureReport } from "#shared/reported.ts";
import type { Memory } from "./memory.ts";

const limits = { baseMs: 2000, maxMs: 300_000 };

interface Parts {
  journal: Journal;
  clock: Clock;
  random(): number;
  memory: Memory;
}

export interface Repairs {
  /** Journals a departure from the current release once when it is found and once when it is mended. */
  note(input: AppInput, steps: readonly Step[]): void;
  /** The next repair waits. */
  failed(app: AppName, failure: FailureReport): void;
}

export function createRepairs({ journal, clock, random, memory }: Parts): Repairs {
  const tell = (
    app: AppName,
    kind: "drift.found" | "drift.repaired" | "event",
    [type, reason, message]: ["Normal" | "Warning", string, string],
  ): void => {
    journal.append({ kind, app, body: { type, reason, message } });
  };

  const mended = (app: AppName): void => {
    const known = memory.of(app);
    if (known.drifting) {
      tell(app, "drift.repaired", ["Normal", "DriftRepaired", "as the release wants it"]);
    }
    known.drifting = false;
    known.heal = undefined;
  };

  return {
    note: (input, steps) => {
      const { app, attempt, blind, target } = input;
      if (attempt !== undefined || blind || target === undefined) return;
      if (steps.length === 0) return mended(app);
      const known = memory.of(app);
      if (known.drifting || !steps.some(({ kind }) => changing.has(kind))) return;
      tell(app, "drift.found", ["Warning", "DriftFound", renderSteps(steps)]);
      known.drifting = true;
    },
    failed: (app, failure) => {
      const known = memory.of(app);
      if (known.heal?.failure.code !== failure.code) {
        tell(app, "event", ["Warning", "RepairFailed", `${app}: ${failure.message}`]);
      }
      const tries = (known.heal?.tries ?? 0) + 1;
      const notBeforeMs = clock.monotonicMs() + delayMs(tries, random(), limits);
      known.heal = { tries, notBeforeMs, failure };
    },
  };
}
