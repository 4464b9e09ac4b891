// The journal as it travels: entries with one sequence per epoch, batches and acknowledgements.
import { z } from "zod";

/** What entries record. Facts in the past tense. */
export const EntryKind = z.enum([
  "agent.started",
  "agent.stopped",
  "desired.received",
  "desired.refused",
  "update.started",
  "step.started",
  "step.finished",
  "update.finished",
  "drift.found",
  "drift.repaired",
  "event",
  "health.sampled",
  "entries.dropped",
  "run.started",
  "run.step.started",
  "run.step.ended",
  "run.log",
  "run.ended",
]);
export type EntryKind = z.infer<typeof EntryKind>;

export const JournalEntry = z.object({
  /** From 1, one sequence over all kinds, never reused within an epoch. */
  seq: z.number().int().positive(),
  bootId: z.string(),
  /** Unix ms by the device's clock, which may be wrong. */
  at: z.number().int(),
  /** Ms since boot: orders entries of one boot whatever the clock did. */
  monotonicMs: z.number(),
  kind: EntryKind,
  app: z.string().exactOptional(),
  body: z.record(z.string(), z.unknown()),
});
export type JournalEntry = z.infer<typeof JournalEntry>;

/** Covers every seq in [from, to]: what is missing within it was dropped on the device for good. */
export const JournalBatch = z.object({
  epoch: z.string(),
  from: z.number().int().positive(),
  to: z.number().int().positive(),
  entries: z.array(JournalEntry).max(1000),
});
export type JournalBatch = z.infer<typeof JournalBatch>;

/** All entries up to `seq` are in the hub's store. Lower than the device's own mark means that the
 *  hub has lost some, and the device sends from there again. Above all that it has given out means that
 *  somebody else counts on under its epoch, and the device begins another. */
export const JournalAck = z.object({
  epoch: z.string(),
  seq: z.number().int().nonnegative(),
});
export type JournalAck = z.infer<typeof JournalAck>;

/** Body of `event` entries and of the hub's own events. */
export const EventBody = z.object({
  type: z.enum(["Normal", "Warning"]),
  /** One CamelCase word, e.g. `ReleaseQuarantined`. */
  reason: z.string().regex(/^[A-Z][A-Za-z0-9]*$/),
  message: z.string(),
});
export type EventBody = z.infer<typeof EventBody>;

/** Body of `update.finished` entries. */
export const UpdateFinishedBody = z.object({
  attempt: z.string(),
  revision: z.string(),
  digest: z.string(),
  commit: z.string(),
  outcome: z.enum(["succeeded", "refused", "rolledBack", "superseded", "failed"]),
  code: z.string().exactOptional(),
  message: z.string().exactOptional(),
  durationMs: z.number(),
});
export type UpdateFinishedBody = z.infer<typeof UpdateFinishedBody>;

/** Body of `step.started` entries: what is about to be done, for the attempt that it belongs to. */
export const StepStartedBody = z.object({
  attempt: z.string().exactOptional(),
  step: z.string(),
});
export type StepStartedBody = z.infer<typeof StepStartedBody>;

/** Body of `step.finished` entries. */
export const StepFinishedBody = z.object({
  attempt: z.string().exactOptional(),
  step: z.string(),
  ok: z.boolean(),
  durationMs: z.number().nonnegative(),
  code: z.string().exactOptional(),
  message: z.string().exactOptional(),
});
export type StepFinishedBody = z.infer<typeof StepFinishedBody>;
