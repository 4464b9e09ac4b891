// Runs a copy's healthcheck again and again while the copy runs, one check at a time.
import type { Clock } from "#shared/clock.ts";
import {
  afterCheck,
  type CheckedHealth,
  type HealthRule,
  type HealthState,
  nextCheckMs,
} from "./health.ts";
import { type OneShot, runOnce } from "./oneshot.ts";

export interface HealthWatch {
  rule: HealthRule;
  /** What an earlier agent knew; `starting` for a new run. */
  health: CheckedHealth;
  startedMonotonicMs: number;
  /** Where and as whom the checks run. */
  context: Omit<OneShot, "command" | "timeoutMs" | "signal">;
  clock: Clock;
  signal: AbortSignal;
  /** Called on each transition. */
  onHealth(health: CheckedHealth): void;
}

/** Resolves when the signal aborts; a check under way is killed then. The first check of a new run comes
 *  after one interval, as the Engine does it; that of an adopted one at once. */
export async function watchHealth(watch: HealthWatch): Promise<void> {
  const { rule, clock, signal } = watch;
  const ranMs = () => clock.monotonicMs() - watch.startedMonotonicMs;
  let state: HealthState = { health: watch.health, failures: 0 };
  if (ranMs() < rule.intervalMs) await clock.sleep(nextCheckMs(state, ranMs(), rule), signal);
  while (!signal.aborted) {
    const passed = await check(watch);
    if (signal.aborted) return;
    const next = afterCheck(state, passed, { ranMs: ranMs(), rule });
    if (next.health !== state.health) watch.onHealth(next.health);
    state = next;
    await clock.sleep(nextCheckMs(state, ranMs(), rule), signal);
  }
}

async function check({ rule, context, signal }: HealthWatch): Promise<boolean> {
  const { command, timeoutMs } = rule;
  const result = await runOnce({ ...context, command, timeoutMs, signal });
  return result.exitCode === 0;
}
