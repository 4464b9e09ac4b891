// Tells in safe mode which app has been sick for its whole grace period, and what serves at all.
import type { AppInput } from "#edge/plan/input.ts";
import { safeStackName } from "#edge/plan/resting.ts";
import type { Stance } from "#edge/plan/safe_mode.ts";
import type { AppName } from "#shared/ids.ts";
import type { ReportedState, SafeModeReport } from "#shared/reported.ts";

export interface Sickness {
  /** @returns apps that were not healthy for their whole grace period, in sight all the while */
  weigh(apps: readonly AppInput[], reported: ReportedState): AppName[];
  /** Ms until the first grace period ends. */
  soonMs(nowMs: number): number;
  forget(): void;
}

export function createSickness(): Sickness {
  /** When the grace period of a sick app ends, ms since boot. */
  const until = new Map<AppName, number>();
  return {
    weigh: (apps, reported) => {
      for (const input of apps) {
        const health = reported.apps.find(({ name }) => name === input.app)?.health;
        const isWell = health === undefined || health === "Healthy";
        if (isWell || input.blind || !isServing(input)) until.delete(input.app);
        else if (!until.has(input.app)) until.set(input.app, input.nowMs + graceMs(input));
      }
      const over = apps.filter(({ app, nowMs }) => nowMs >= (until.get(app) ?? nowMs + 1));
      for (const { app } of over) until.delete(app);
      return over.map(({ app }) => app);
    },
    soonMs: (nowMs) => Math.max(0, Math.min(...until.values()) - nowMs),
    forget: () => until.clear(),
  };
}

function isServing({ current, resting }: AppInput): boolean {
  return current !== undefined && resting === undefined;
}

const usualGraceMs = 60_000;

function graceMs({ serving, target }: AppInput): number {
  return serving?.policy.gracePeriodMs ?? target?.spec.policy.gracePeriodMs ?? usualGraceMs;
}

/** What people still get from the device in safe mode. Pure. */
export function servesNow(
  apps: readonly AppInput[],
  { suspended }: Stance,
): SafeModeReport["serves"] {
  const serving = apps.filter((input) => isServing(input) && !suspended.has(input.app));
  if (serving.some(({ app }) => app === safeStackName)) return "safeStack";
  return serving.length > 0 ? "lastGood" : "nothing";
}
