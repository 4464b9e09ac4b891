// Once an hour, and when asked for: the checks that cost too much for each round.
import { createTask, type Logger, type ScheduledTask } from "node-cron";
import type { Journal } from "#edge/journal/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError } from "#shared/errors.ts";
import type { Log } from "./parts.ts";

export interface Check {
  /** For people, e.g. `files of the releases`. */
  name: string;
  /** @returns what was found or removed, in words; [] when all is well */
  run(signal: AbortSignal): Promise<string[]>;
}

export interface DeepCheckResult {
  /** Ms since boot. */
  startedMs: number;
  endedMs: number;
  findings: { check: string; text: string }[];
  /** Checks that could not be made. */
  failed: { check: string; code: string; message: string }[];
}

interface Options {
  checks: readonly Check[];
  journal: Pick<Journal, "append">;
  clock: Clock;
  log: Log;
  /** When, by the wall clock; every hour on the hour, and up to `spreadMs` later. */
  pattern?: string;
  /** So that the devices of a site do not all read their cards at once. */
  spreadMs?: number;
}

export interface DeepCheck {
  start(): void;
  stop(): Promise<void>;
  /** The one under way, else a new one. */
  now(): Promise<DeepCheckResult>;
  last(): DeepCheckResult | undefined;
  counts(): { runs: number; skipped: number };
}

/** The wall clock says when, and it may jump, run or stand still. This clock does not: */
const leastMs = 30 * 60_000;
const mostMs = 2 * 3_600_000;

export function createDeepCheck(options: Options): DeepCheck {
  const { checks, journal, clock, log } = options;
  const ended = new AbortController();
  const counts = { runs: 0, skipped: 0 };
  const told = new Map<string, string>();
  let last: DeepCheckResult | undefined;
  let running: Promise<DeepCheckResult> | undefined;
  let startedMs = Number.NEGATIVE_INFINITY;
  let task: ScheduledTask | undefined;
  let watch: Promise<void> | undefined;

  /** Once for as long as it stays the same. */
  const tell = (check: string, reason: string, text: string): void => {
    if (told.get(check) === text) return;
    told.set(check, text);
    const message = `deep check, ${check}: ${text}`;
    journal.append({ kind: "event", body: { type: "Warning", reason, message } });
  };

  const runOne = async ({ name, run }: Check, result: DeepCheckResult): Promise<void> => {
    try {
      const findings = await run(ended.signal);
      result.findings.push(...findings.map((text) => ({ check: name, text })));
      if (findings.length === 0) told.delete(name);
      else tell(name, "DeepCheckFound", findings.join("; "));
    } catch (error) {
      if (ended.signal.aborted) return;
      const { code, sentence: message } = asFleetError(error);
      result.failed.push({ check: name, code, message });
      tell(name, "DeepCheckFailed", message);
    }
  };

  const runAll = async (): Promise<DeepCheckResult> => {
    startedMs = clock.monotonicMs();
    counts.runs += 1;
    const result: DeepCheckResult = { startedMs, endedMs: startedMs, findings: [], failed: [] };
    for (const check of checks) if (!ended.signal.aborted) await runOne(check, result);
    result.endedMs = clock.monotonicMs();
    last = result;
    const { findings, failed } = result;
    log.info(
      { findings, failed, tookMs: Math.round(result.endedMs - startedMs) },
      "deep check done",
    );
    return result;
  };

  const now = (): Promise<DeepCheckResult> => {
    running ??= runAll().finally(() => {
      running = undefined;
    });
    return running;
  };

  const due = async (): Promise<void> => {
    if (clock.monotonicMs() - startedMs >= leastMs) await now();
    else counts.skipped += 1;
  };

  const reportFailure = (error: unknown): void => {
    const { code, sentence } = asFleetError(error);
    log.warn({ code, why: sentence }, "deep check failed");
  };

  /** Runs what the wall clock forgets. */
  const watchOver = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const sinceMs = Math.max(startedMs, beganMs);
      const leftMs = sinceMs + mostMs - clock.monotonicMs();
      if (leftMs > 0) await clock.sleep(leftMs, ended.signal);
      else await now().catch(reportFailure);
    }
  };
  let beganMs = 0;

  return {
    now,
    last: () => last,
    counts: () => ({ ...counts }),
    start: () => {
      if (task !== undefined) return;
      beganMs = clock.monotonicMs();
      task = createTask(options.pattern ?? "0 * * * *", () => due().catch(reportFailure), {
        name: "deep check",
        noOverlap: true,
        maxRandomDelay: options.spreadMs ?? 600_000,
        suppressMissedWarning: true,
        logger: silent(log),
      });
      void task.start();
      watch = watchOver();
    },
    stop: async () => {
      ended.abort();
      await task?.destroy();
      await Promise.allSettled([running, watch]);
    },
  };
}

/** node-cron speaks of runs that overlap or were missed: both are as they should be. */
function silent(log: Log): Logger {
  return {
    info: () => undefined,
    warn: () => undefined,
    debug: () => undefined,
    error: (message) => log.warn({ why: String(message) }, "the deep check's schedule failed"),
  };
}
