// Turns results of a Compose healthcheck into a state, as the Docker Engine does. Pure.
import { z } from "zod";
import type { Healthcheck } from "#shared/compose/model.ts";

export const HealthRule = z.object({
  /** Program and arguments; the shell form is already `sh -c …`. */
  command: z.array(z.string()).min(1),
  intervalMs: z.number(),
  timeoutMs: z.number(),
  retries: z.number().int(),
  startPeriodMs: z.number(),
  startIntervalMs: z.number(),
});
export type HealthRule = z.infer<typeof HealthRule>;

export const CheckedHealth = z.enum(["starting", "healthy", "unhealthy"]);
export type CheckedHealth = z.infer<typeof CheckedHealth>;

export interface HealthState {
  health: CheckedHealth;
  /** Failures in a row. */
  failures: number;
}

/** The Engine's defaults where the file says nothing; undefined when there is nothing to check. */
export function healthRule(check: Healthcheck | undefined): HealthRule | undefined {
  const [form, ...rest] = check?.test ?? [];
  if (check === undefined || check.disabled || form === undefined || form === "NONE") {
    return undefined;
  }
  return {
    command: form === "CMD-SHELL" ? ["sh", "-c", ...rest] : rest,
    intervalMs: check.intervalMs ?? 30_000,
    timeoutMs: check.timeoutMs ?? 30_000,
    retries: check.retries ?? 3,
    startPeriodMs: check.startPeriodMs ?? 0,
    startIntervalMs: check.startIntervalMs ?? 5000,
  };
}

/** A failure within the start period does not count until the first success. */
export function afterCheck(
  state: HealthState,
  passed: boolean,
  context: { ranMs: number; rule: HealthRule },
): HealthState {
  const { ranMs, rule } = context;
  if (passed) return { health: "healthy", failures: 0 };
  if (state.health === "starting" && ranMs < rule.startPeriodMs) return state;
  const failures = state.failures + 1;
  return { health: failures >= rule.retries ? "unhealthy" : state.health, failures };
}

export function nextCheckMs(state: HealthState, ranMs: number, rule: HealthRule): number {
  const warmingUp = state.health === "starting" && ranMs < rule.startPeriodMs;
  return warmingUp ? rule.startIntervalMs : rule.intervalMs;
}
