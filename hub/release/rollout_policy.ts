// How a new release of a deployment moves through its devices, as fleet.yaml says it and as the hub keeps it.
import { z } from "zod";
import { FleetError } from "#shared/errors.ts";
import { LabelKey } from "#shared/ids.ts";
import { type Selector, SelectorText, selectorOf } from "#shared/selector.ts";
import { MaintenanceWindow } from "#shared/window.ts";

const minuteMs = 60_000;
const minutesPerMonth = 43_200;
const secondsPerDay = 86_400;
const share = z.number().min(0).max(1);

/** A fault of the text is told where it stands, as every other fault of the file. */
const StepSelector = SelectorText.transform((text, context): Selector => {
  try {
    return selectorOf(text);
  } catch (error) {
    if (!(error instanceof FleetError)) throw error;
    context.addIssue({ code: "custom", message: error.message });
    return z.NEVER;
  }
});

const Step = z
  .strictObject({
    /** Only devices with these labels. */
    select: StepSelector.exactOptional(),
    /** So many in all, of those selected, have the release when the step is over. Default: all of them. */
    percent: z.number().gt(0).max(100).exactOptional(),
    count: z.number().int().positive().exactOptional(),
    /** How long the step's devices must stay healthy before the next one begins. */
    bakeMinutes: z.number().min(0).max(minutesPerMonth).default(0),
    /** Of the step's devices that answered, so many must be healthy. */
    healthyShare: share.default(0.95),
    /** A person says when the step may begin. */
    approval: z.boolean().default(false),
  })
  .refine(({ percent, count }) => percent === undefined || count === undefined, {
    message: "give percent or count, not both",
    path: ["count"],
  })
  .transform(({ bakeMinutes, ...step }) => ({ ...step, bakeMs: ms(bakeMinutes) }));
export type RolloutStep = z.infer<typeof Step>;

/** Devices of one label value that must go on serving: a number, or a share such as `80%`. */
const MinAvailable = z.union([
  z.number().int().nonnegative(),
  z
    .string()
    .regex(/^(100|[1-9]?[0-9])%$/, "must be a number or a share such as 80%")
    .transform((text) => ({ share: Number(text.slice(0, -1)) / 100 })),
]);

export const RolloutPolicy = z
  .strictObject({
    steps: z.array(Step).max(32).default([]),
    /** How long a device may take before it counts as failed, or, while it is away, as waiting. */
    deadlineMinutes: z.number().gt(0).max(minutesPerMonth).default(30),
    /** Devices that change at the same time. */
    maxParallel: z.number().int().positive().exactOptional(),
    /** Over how long the devices of a step begin, one after the other, so that they do not all fetch at once. */
    spreadSeconds: z.number().min(0).max(secondsPerDay).exactOptional(),
    budget: z.strictObject({ groupBy: LabelKey, minAvailable: MinAvailable }).exactOptional(),
    /** Devices get the release only within these. */
    windows: z.array(MaintenanceWindow).max(16).exactOptional(),
    /** Beside the gates: over the whole rollout. */
    halt: z
      .strictObject({
        /** At this many failed devices. */
        failures: z.number().int().positive().exactOptional(),
        /** At more than this share of the devices that have the release. */
        share: share.exactOptional(),
      })
      .exactOptional(),
    /** `cohort`: where one property clearly separates the failed devices, only those that have it stop. */
    haltScope: z.enum(["rollout", "cohort"]).default("rollout"),
  })
  .transform(({ deadlineMinutes, spreadSeconds, steps, ...policy }) => ({
    ...policy,
    ...(spreadSeconds === undefined ? {} : { spreadMs: ms(spreadSeconds / 60) }),
    steps: withLast(steps),
    deadlineMs: ms(deadlineMinutes),
  }));
export type RolloutPolicy = z.infer<typeof RolloutPolicy>;

/** The last step is everything, whether it is written down or not. */
function withLast(steps: RolloutStep[]): RolloutStep[] {
  const last = steps.at(-1);
  const isEverything =
    last !== undefined &&
    (last.select ?? []).length === 0 &&
    last.count === undefined &&
    (last.percent ?? 100) === 100;
  if (isEverything) return steps;
  return [...steps, { healthyShare: last?.healthyShare ?? 0.95, approval: false, bakeMs: 0 }];
}

function ms(minutes: number): number {
  return Math.round(minutes * minuteMs);
}
