// What `wait` waits for: read from the command line, and asked of a device. Pure.
import type { DeviceView } from "#hub/api/device_view.ts";
import { nearest } from "#hub/cli/session/nearest.ts";
import type { LifeConditionType } from "#hub/run/phase.ts";
import { FleetError } from "#shared/errors.ts";
import type { ConditionType, Connection, HealthStatus, SyncStatus } from "#shared/status.ts";

export type Goal =
  | { kind: "create" }
  | { kind: "condition"; type: string; status: string }
  | { kind: "status"; field: "sync" | "health" | "connection"; value: string }
  /** Without a number: the one that is wanted. */
  | { kind: "generation"; least: number | undefined };

/** Every word, kept complete by the types of the contract without loading its schemas. */
const conditions: Record<ConditionType | LifeConditionType, true> = {
  ...{ AgentConnected: true, SpecObserved: true, Synced: true, Healthy: true },
  ...{ RuntimeAvailable: true, Isolated: true, SafeMode: true },
  ...{ Provisioned: true, NeedsIntervention: true },
};
const statuses: {
  sync: Record<SyncStatus, true>;
  health: Record<HealthStatus, true>;
  connection: Record<Connection, true>;
} = {
  sync: { Synced: true, OutOfSync: true, Unknown: true },
  health: {
    ...{ Healthy: true, Progressing: true, Degraded: true },
    ...{ Missing: true, Suspended: true, Unknown: true },
  },
  connection: { Online: true, Stale: true, Offline: true },
};

/** Reads `condition=Healthy`, `condition=Isolated=False`, `sync=Synced`, `generation=12`, `create`.
 *  @throws FleetError request_invalid */
export function parseGoal(text: string): Goal {
  const [name = "", value, status] = text.split("=");
  if (name === "create" && value === undefined) return { kind: "create" };
  if (name === "generation") return { kind: "generation", least: generationOf(text, value) };
  if (name === "condition" && value !== undefined) {
    return { kind: "condition", type: oneOf(value, conditions), status: status ?? "True" };
  }
  if ((name === "sync" || name === "health" || name === "connection") && value !== undefined) {
    return { kind: "status", field: name, value: oneOf(value, statuses[name]) };
  }
  throw refused(`"${text}" is nothing to wait for`);
}

function generationOf(text: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value)) return Number(value);
  throw refused(`"${text}" names no generation`);
}

function oneOf(word: string, words: Record<string, true>): string {
  const known = Object.keys(words);
  const found = known.find((one) => one.toLowerCase() === word.toLowerCase());
  if (found !== undefined) return found;
  const [near] = nearest(word, known);
  throw refused(`"${word}" is not one of ${known.join(", ")}`, near);
}

function refused(message: string, near?: string): FleetError {
  const hint =
    near === undefined
      ? "Wait for condition=TYPE[=STATUS], sync=…, health=…, connection=…, generation[=N] or create."
      : `Did you mean ${near}?`;
  return new FleetError("request_invalid", { message, hint });
}

/** @param device undefined: not enrolled */
export function isReached(goal: Goal, device: DeviceView | undefined): boolean {
  if (device === undefined) return false;
  switch (goal.kind) {
    case "create":
      return true;
    case "status":
      return device[goal.field] === goal.value;
    case "generation":
      return device.observedGeneration >= (goal.least ?? Math.max(1, device.desiredGeneration));
    case "condition":
      return hasCondition(device, goal);
  }
}

/** As kubectl: what a device said of an older generation says nothing of this one. */
function hasCondition(
  { conditions: all, desiredGeneration }: DeviceView,
  { type, status }: Extract<Goal, { kind: "condition" }>,
): boolean {
  return all.some(
    (condition) =>
      condition.type === type &&
      condition.status === status &&
      (condition.observedGeneration ?? desiredGeneration) >= desiredGeneration,
  );
}
