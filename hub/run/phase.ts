// The phases of a device's life, what moves it from one to the next, and its two conditions; pure.
import { z } from "zod";
import type { DeviceId, Labels } from "#shared/ids.ts";

export const Phase = z.enum([
  "FACTORY_READY",
  "PROVISIONING",
  "READY",
  "IN_SERVICE",
  "MAINTENANCE",
  "RMA",
]);
export type Phase = z.infer<typeof Phase>;

/** What may happen to a device:
 *  enrolled: it has an identity here; replaced: other hardware enrolled under it; serving: it runs what it
 *  should; idle: nothing is deployed to it; began…, succeeded…, broken: of a run, the last for one that failed
 *  or was cancelled; released, withdrawn: by a person. */
export type Happening =
  | "enrolled"
  | "replaced"
  | "serving"
  | "idle"
  | "beganProvisioning"
  | "beganMaintenance"
  | "succeededReady"
  | "succeededRma"
  | "broken"
  | "released"
  | "withdrawn";

const began = { beganProvisioning: "PROVISIONING", beganMaintenance: "MAINTENANCE" } as const;
const ended = { succeededReady: "READY", succeededRma: "RMA", broken: "MAINTENANCE" } as const;

/** What is not in here changes nothing. */
export const next = {
  FACTORY_READY: { enrolled: "READY", ...began },
  PROVISIONING: ended,
  READY: { serving: "IN_SERVICE", withdrawn: "MAINTENANCE", ...began },
  IN_SERVICE: { idle: "READY", withdrawn: "MAINTENANCE", ...began },
  MAINTENANCE: { released: "READY", ...began, ...ended },
  RMA: { replaced: "READY" },
} as const satisfies Record<Phase, Partial<Record<Happening, Phase>>>;

export const lifeConditionTypes = ["Provisioned", "NeedsIntervention"] as const;
export type LifeConditionType = (typeof lifeConditionTypes)[number];

/** Kubernetes form, without what devices alone say. */
export interface LifeCondition {
  type: LifeConditionType;
  status: "True" | "False";
  /** One CamelCase word. */
  reason: string;
  message: string;
  /** Unix ms at which `status` last changed. */
  lastTransitionTime: number;
}

/** What a file said of a device before it was ever seen. */
interface InventoryFacts {
  serial?: string;
  mac?: string;
  model?: string;
  note?: string;
}

export interface Lifecycle {
  device: DeviceId;
  phase: Phase;
  /** Unix ms at which it entered the phase. */
  since: number;
  provisioned: LifeCondition;
  needsIntervention: LifeCondition;
  /** Below those of agent.yaml and of the repository. */
  labels: Labels;
  inventory: InventoryFacts;
}

/** Why something happened: CamelCase word and sentence. */
export interface Why {
  reason: string;
  message: string;
}

export function newLifecycle(device: DeviceId, now: number): Lifecycle {
  const why = { reason: "NotEnrolled", message: "the device has no identity here yet" };
  const nothing = { reason: "AsExpected", message: "nothing is to be done by hand" };
  return {
    device,
    phase: "FACTORY_READY",
    since: now,
    provisioned: { type: "Provisioned", status: "False", ...why, lastTransitionTime: now },
    needsIntervention: {
      ...{ type: "NeedsIntervention", status: "False", ...nothing, lastTransitionTime: now },
    },
    labels: {},
    inventory: {},
  };
}

export function lifeConditions({ provisioned, needsIntervention }: Lifecycle): LifeCondition[] {
  return [provisioned, needsIntervention];
}

const provisions: Partial<Record<Happening, LifeCondition["status"]>> = {
  enrolled: "True",
  replaced: "True",
  succeededReady: "True",
  beganProvisioning: "False",
  succeededRma: "False",
};
const needs: Partial<Record<Happening, LifeCondition["status"]>> = {
  broken: "True",
  succeededReady: "False",
  succeededRma: "False",
  released: "False",
  replaced: "False",
};

/** The same object when nothing changes. Pure. */
export function lifeAfter(life: Lifecycle, what: Happening, why: Why, now: number): Lifecycle {
  const row: Partial<Record<Happening, Phase>> = next[life.phase];
  const phase = row[what];
  if (phase === undefined) return life;
  return {
    ...life,
    phase,
    since: phase === life.phase ? life.since : now,
    provisioned: withStatus(life.provisioned, provisions[what], why, now),
    needsIntervention: withStatus(life.needsIntervention, needs[what], why, now),
  };
}

function withStatus(
  before: LifeCondition,
  status: LifeCondition["status"] | undefined,
  { reason, message }: Why,
  now: number,
): LifeCondition {
  if (status === undefined) return before;
  const isSame = before.status === status;
  if (isSame && status === "False") return before;
  return {
    ...before,
    status,
    reason,
    message,
    lastTransitionTime: isSame ? before.lastTransitionTime : now,
  };
}
