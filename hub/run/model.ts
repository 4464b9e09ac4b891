// A run as the hub keeps it: what was ordered, and how far it is known to have come.
import type { DeviceId, Values } from "#shared/ids.ts";
import type { RunStep } from "#shared/plan.ts";
import type { RequestId, RunId, RunReport } from "#shared/run.ts";
import type { PlanBody } from "./plan.ts";

export const runStates = ["Pending", "Running", "Succeeded", "Failed", "Cancelled"] as const;
export type RunState = (typeof runStates)[number];

export interface RunPlace {
  index: number;
  kind: string;
  attempt: number;
}

/** What changes while a run goes on. Times Unix ms by the hub's clock. */
export interface RunHead {
  state: RunState;
  /** The step under way, or the last one. */
  step: RunPlace | null;
  startedAt: number | null;
  /** When the device last told of it. */
  heardAt: number | null;
  endedAt: number | null;
  code: string | null;
  message: string | null;
  /** Its order is in the device's desired state: until the device said that it is over. */
  isStanding: boolean;
}

type RunRules = Pick<PlanBody, "during" | "after" | "silence"> & {
  startWithinMs: number;
  /** How often the device looked when the run was ordered; absent where an earlier version ordered it. */
  pollMs?: number;
};

export interface Run {
  id: RunId;
  device: DeviceId;
  request: RequestId;
  /** Of plan and parameters: the same request must mean the same. */
  fingerprint: string;
  plan: string;
  parameters: Values;
  steps: RunStep[];
  rules: RunRules;
  operator: string;
  reason: string;
  orderedAt: number;
  head: RunHead;
  version: number;
}

/** One entry of the device's journal that tells of the run. */
export interface RunEntry {
  /** Unix ms by the hub's clock. */
  receivedAt: number;
  kind: string;
  body: Record<string, unknown>;
}

/** What is known of a run, in the order in which it was told. */
export interface RunFacts {
  entries: readonly RunEntry[];
  /** When a word of its log last came, Unix ms by the hub's clock: a step that a restart of the device made begin
   *  anew tells of it there alone. */
  loggedAt?: number | undefined;
  /** The device's latest word on its latest run, whichever that is. */
  report?: RunReport | undefined;
}

export function isOver({ state }: Pick<RunHead, "state">): boolean {
  return state !== "Pending" && state !== "Running";
}
