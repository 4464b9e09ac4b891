// How long a repair waits: what drifts again soon after it was repaired is damped, and not fought.
import type { ObservedInstance, ResolvedApp } from "#edge/runtime/port.ts";
import type { FailureReport } from "#shared/reported.ts";
import { converge } from "./converge.ts";
import type { AppInput } from "./input.ts";
import type { Step } from "./step.ts";

/** How the repair of one service has gone. Ms since boot. */
export interface Repair {
  /** Repairs in a row, none of which has held for an hour. */
  count: number;
  lastMs: number;
  /** The next one not before this. */
  notBeforeMs: number;
  /** Why the last one did not help; absent when it did. */
  failure?: FailureReport;
}

/** What outlives the process: times of another boot mean nothing, counts do. */
export interface KeptDamping {
  bootId: string;
  /** By app and service. */
  apps: Record<string, Record<string, Omit<Repair, "failure">>>;
}

/** Stands for steps that are about the app and none of its services. */
export const wholeApp = "";

/** What a step repairs. Pure. */
export function servicesOf(step: Step): string[] {
  if (step.kind !== "remove" && step.kind !== "start") return [wholeApp];
  return [...new Set(step.instances.map(({ service }) => service))];
}

type Damped = Pick<AppInput, "damped" | "nowMs">;

/** Whether the repair of the service waits. Pure. */
export function isDamped({ damped, nowMs }: Damped, service: string): boolean {
  return nowMs < (damped.get(service) ?? 0);
}

/** When the step may be done, ms since boot; undefined when it may be now. Pure. */
export function dampedUntil(input: Damped, step: Step): number | undefined {
  const waiting = servicesOf(step).filter((service) => isDamped(input, service));
  if (waiting.length === 0) return undefined;
  return Math.max(...waiting.map((service) => input.damped.get(service) ?? 0));
}

const baseMs = 2000;
/** While a repair fails nothing serves; after one that held for a while something does. */
const longest = { failed: 300_000, drifted: 3_600_000 };
const fadesAfterMs = 3_600_000;

/** After a repair that helped, or, with a failure, after one that did not. Pure. */
export function repaired(
  before: Repair | undefined,
  nowMs: number,
  failure?: FailureReport,
): Repair {
  const count = (before?.count ?? 0) + 1;
  const maxMs = failure === undefined ? longest.drifted : longest.failed;
  const notBeforeMs = nowMs + Math.min(maxMs, baseMs * 2 ** Math.min(count - 1, 30));
  return { count, lastMs: nowMs, notBeforeMs, ...(failure === undefined ? {} : { failure }) };
}

/** Whether the service has held for so long that its repairs are forgotten. Pure. */
export function isFaded({ lastMs }: Repair, nowMs: number): boolean {
  return nowMs - lastMs >= fadesAfterMs;
}

/** What was kept, in the time of this boot. After another one the first repair is done at once. Pure. */
export function resumed(kept: Omit<Repair, "failure">, isSameBoot: boolean, nowMs: number): Repair {
  const { count, lastMs, notBeforeMs } = kept;
  return isSameBoot ? { count, lastMs, notBeforeMs } : { count, lastMs: nowMs, notBeforeMs: nowMs };
}

/** Services of which something is not as the release wants it. Pure. */
export function driftingServices({ serving, instances }: AppInput): Set<string> {
  if (serving === undefined) return new Set();
  const wanted = serving.app;
  const names = new Set([...Object.keys(wanted.services), ...instances.map((one) => one.service)]);
  const drifts = (service: string): boolean => {
    const others = new Set([...names].filter((name) => name !== service));
    return converge(wanted, standingStill(wanted, instances, others)).length > 0;
  };
  return new Set([...names].filter(drifts));
}

/** The copies as the planner sees them while some services rest: those stand still as they are, so nothing is
 *  done about them, and what depends on them waits. Pure. */
export function standingStill(
  wanted: ResolvedApp,
  instances: readonly ObservedInstance[],
  resting: ReadonlySet<string>,
): ObservedInstance[] {
  const others = instances.filter(({ service }) => !resting.has(service));
  const still = [...resting].flatMap((service) => stillCopies(wanted, instances, service));
  return [...others, ...still];
}

function stillCopies(
  { app, release, services }: ResolvedApp,
  instances: readonly ObservedInstance[],
  service: string,
): ObservedInstance[] {
  const { spec, configHash, runtime } = services[service] ?? {};
  if (spec === undefined || configHash === undefined || runtime === undefined) return [];
  return Array.from({ length: spec.replicas }, (_, at) => {
    const place = { app, service, index: at + 1, configHash, runtime };
    const there = instances.find(
      (one) => one.service === service && one.index === at + 1 && one.configHash === configHash,
    );
    if (there?.state === "running" && there.runtime === runtime) return there;
    return { ...place, id: "", release, state: "paused", health: "none", restarts: 0 } as const;
  });
}
