// A run as it travels: the order in the desired state, the device's journal of it, and its part of the report.
import { z } from "zod";
import { maxSteps, PlanName, RunStep } from "./plan.ts";

/** Made by the hub, unique for ever: a blank hub must not give out a number that a device has in its journal. */
export const RunId = z
  .string()
  .regex(/^[a-z0-9]{8,32}$/)
  .brand("RunId");
export type RunId = z.infer<typeof RunId>;

/** Given by whoever asks, so that asking twice is one run. */
export const RequestId = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/,
    "must be 1 to 64 characters of A-Z, a-z, 0-9, ., _, : and -",
  );
export type RequestId = z.infer<typeof RequestId>;

/** What the device is to do, once; it stands in the desired state until the hub knows that it ended.
 *  A device that has ended this run does nothing. One that has another run open ends that as cancelled first;
 *  so it does with its open run when there is no order any more. */
export const RunOrder = z.object({
  id: RunId,
  request: RequestId,
  plan: PlanName,
  steps: z.array(RunStep).min(1).max(maxSteps),
  /** Ends the run at once, in the middle of a step if need be. */
  cancel: z.literal(true).exactOptional(),
});
export type RunOrder = z.infer<typeof RunOrder>;

export const RunOutcome = z.enum(["succeeded", "failed", "cancelled"]);
export type RunOutcome = z.infer<typeof RunOutcome>;

/** Characters of one chunk of a run's log. */
export const maxLogChunk = 4096;
/** Characters of a run's whole log, with a share for each chunk; the chunk that reaches it says `isCut`, and
 *  nothing follows it. */
export const maxLog = 262_144;

const step = {
  run: RunId,
  /** Place in the order's steps, from 0. */
  index: z.number().int().nonnegative(),
  kind: z.string(),
  /** From 1. A step that a restart or a reboot interrupted goes on under the same number. */
  attempt: z.number().int().positive(),
};

/** Body of `run.started` entries: once for each run and journal. */
export const RunStartedBody = z.object({ run: RunId, request: RequestId, plan: PlanName });
export type RunStartedBody = z.infer<typeof RunStartedBody>;

/** Body of `run.step.started` entries, on the disk before anything is done. */
export const RunStepStartedBody = z.object(step);
export type RunStepStartedBody = z.infer<typeof RunStepStartedBody>;

/** Body of `run.step.ended` entries. */
export const RunStepEndedBody = z.object({
  ...step,
  ok: z.boolean(),
  durationMs: z.number().nonnegative(),
  code: z.string().exactOptional(),
  message: z.string().max(2000).exactOptional(),
});
export type RunStepEndedBody = z.infer<typeof RunStepEndedBody>;

/** Body of `run.log` entries: whole lines as far as they fit, in the order of the journal. */
export const RunLogBody = z.object({
  run: RunId,
  index: z.number().int().nonnegative(),
  /** `agent`: the agent's own words. */
  stream: z.enum(["stdout", "stderr", "agent"]),
  text: z.string().max(maxLogChunk),
  isCut: z.literal(true).exactOptional(),
});
export type RunLogBody = z.infer<typeof RunLogBody>;

/** Body of `run.ended` entries: the device does nothing more for this run, ever. */
export const RunEndedBody = z.object({
  run: RunId,
  outcome: RunOutcome,
  durationMs: z.number().nonnegative(),
  /** Of the step that failed or was cancelled. */
  index: z.number().int().nonnegative().exactOptional(),
  code: z.string().exactOptional(),
  message: z.string().max(2000).exactOptional(),
});
export type RunEndedBody = z.infer<typeof RunEndedBody>;

/** The latest run in the reported state, kept there after its end until another one begins: a hub that lost
 *  journal entries learns the outcome from it. Times Unix ms by the device's clock. */
export const RunReport = z.object({
  id: RunId,
  plan: PlanName,
  startedAt: z.number().int(),
  /** The step under way, or the last one. */
  index: z.number().int().nonnegative(),
  kind: z.string(),
  attempt: z.number().int().positive(),
  /** Absent while it goes on. */
  outcome: RunOutcome.exactOptional(),
  endedAt: z.number().int().exactOptional(),
  code: z.string().exactOptional(),
  message: z.string().max(2000).exactOptional(),
});
export type RunReport = z.infer<typeof RunReport>;
