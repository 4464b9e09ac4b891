// What a device's status and its runs mean for its phase; pure.
import { isOver, type Run, type RunHead } from "./model.ts";
import { type Happening, type Lifecycle, lifeAfter, type Why } from "./phase.ts";

export interface DeviceFacts {
  /** It has an identity that is let in. */
  isEnrolled: boolean;
  /** It says that it runs what is wanted. */
  isSynced: boolean;
  /** Apps that are wanted on it. */
  apps: number;
}

const observations = {
  enrolled: { reason: "Enrolled", message: "it has an identity here" },
  replaced: { reason: "Replaced", message: "other hardware enrolled under its name" },
  serving: { reason: "Serving", message: "it runs what it should" },
  idle: { reason: "Idle", message: "nothing is deployed to it" },
} as const satisfies Partial<Record<Happening, Why>>;

export interface Lived {
  life: Lifecycle;
  /** Of the last change; undefined when nothing changed. */
  why: Why | undefined;
}

/** Until nothing more follows: enrolled and then in service, in one look. */
export function observed(life: Lifecycle, facts: DeviceFacts, now: number): Lived {
  const seen: (keyof typeof observations)[] = [
    ...(facts.isEnrolled ? (["enrolled", "replaced"] as const) : []),
    ...(facts.isSynced && facts.apps > 0 ? (["serving"] as const) : []),
    ...(facts.apps === 0 ? (["idle"] as const) : []),
  ];
  return seen.reduce<Lived>(
    (before, what) => {
      const after = lifeAfter(before.life, what, observations[what], now);
      return after === before.life ? before : { life: after, why: observations[what] };
    },
    { life, why: undefined },
  );
}

/** The phase that a run brings with its beginning. */
export function begunLife(life: Lifecycle, run: Run, why: Why, now: number): Lifecycle {
  const what = run.rules.during === "PROVISIONING" ? "beganProvisioning" : "beganMaintenance";
  return lifeAfter(life, what, why, now);
}

/** The phase that a run brings with its end; the same while it goes on. */
export function endedLife(
  life: Lifecycle,
  run: Run,
  head: RunHead,
  why: Why,
  now: number,
): Lifecycle {
  // Over already: unless the device told of another end than the one that it was given up with.
  if (!isOver(head) || head.state === run.head.state) return life;
  // A person has meanwhile said what is to become of the device.
  if (isOver(run.head) && life.needsIntervention.status === "False") return life;
  if (head.state !== "Succeeded") return lifeAfter(life, "broken", why, now);
  return lifeAfter(life, run.rules.after === "RMA" ? "succeededRma" : "succeededReady", why, now);
}
