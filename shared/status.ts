// Argo CD's sync words, Kubernetes' conditions, and the health of apps and services.
import { z } from "zod";

export const SyncStatus = z.enum(["Synced", "OutOfSync", "Unknown"]);
export type SyncStatus = z.infer<typeof SyncStatus>;

export const HealthStatus = z.enum([
  "Healthy",
  "Progressing",
  "Degraded",
  "Missing",
  "Suspended",
  "Unknown",
]);
export type HealthStatus = z.infer<typeof HealthStatus>;

export const Connection = z.enum(["Online", "Stale", "Offline"]);
export type Connection = z.infer<typeof Connection>;

export const ConditionType = z.enum([
  "AgentConnected",
  "SpecObserved",
  "Synced",
  "Healthy",
  "RuntimeAvailable",
  "Isolated",
  "SafeMode",
]);
export type ConditionType = z.infer<typeof ConditionType>;

/** Kubernetes form. `reason` is one CamelCase word for programs, `message` a sentence for people. */
export const Condition = z.object({
  type: ConditionType,
  status: z.enum(["True", "False", "Unknown"]),
  reason: z.string().regex(/^[A-Za-z][A-Za-z0-9]*$/),
  message: z.string(),
  /** Unix ms at which `status` last changed. */
  lastTransitionTime: z.number().int(),
  observedGeneration: z.number().int().exactOptional(),
});
export type Condition = z.infer<typeof Condition>;

/** The condition's next value: the transition time moves only when the status does. Pure. */
export function transition(
  before: Condition | undefined,
  after: Omit<Condition, "lastTransitionTime">,
  now: number,
): Condition {
  const unchanged = before !== undefined && before.status === after.status;
  return { ...after, lastTransitionTime: unchanged ? before.lastTransitionTime : now };
}

/** From best to worst, for "the worst of all". */
const severity: readonly HealthStatus[] = [
  "Healthy",
  "Suspended",
  "Progressing",
  "Unknown",
  "Missing",
  "Degraded",
];

/** The worst health of several; `Healthy` of none. Pure. */
export function worstHealth(all: readonly HealthStatus[]): HealthStatus {
  return all.reduce<HealthStatus>(
    (worst, next) => (severity.indexOf(next) > severity.indexOf(worst) ? next : worst),
    "Healthy",
  );
}

/** One word for several: OutOfSync beats Unknown beats Synced. Pure. */
export function worstSync(all: readonly SyncStatus[]): SyncStatus {
  if (all.includes("OutOfSync")) return "OutOfSync";
  return all.includes("Unknown") ? "Unknown" : "Synced";
}
