// The device's HTTP exchange with the hub, for networks that let no MQTT through.
import { z } from "zod";
import { Beat } from "./beat.ts";
import { Envelope } from "./envelope.ts";
import { JournalAck, JournalBatch } from "./journal.ts";
import { ReportedState } from "./reported.ts";

/** Body of `POST /v1/devices/{id}/report`: whatever has changed since the last one. */
export const ReportRequest = z.object({
  beat: Beat,
  reported: ReportedState.exactOptional(),
  journal: JournalBatch.exactOptional(),
});
export type ReportRequest = z.infer<typeof ReportRequest>;

export const ReportResponse = z.object({
  ack: JournalAck.exactOptional(),
  /** ETag of the desired state now; the device fetches it when it differs from its own. */
  desired: z.string().exactOptional(),
});
export type ReportResponse = z.infer<typeof ReportResponse>;

/** Body of `POST /v1/devices/{id}/return`: everything in the hub's own hand that the device holds. A hub that
 *  has lost the device, or is behind it, learns from it. */
export const ReturnRequest = z.object({
  /** Absent from a device that was enrolled by a hub of an earlier version. */
  statement: Envelope.exactOptional(),
  desired: Envelope.exactOptional(),
  memo: Envelope.exactOptional(),
});
export type ReturnRequest = z.infer<typeof ReturnRequest>;

export const ReturnResponse = z.object({
  /** The statement to keep from now on. */
  statement: Envelope,
});
export type ReturnResponse = z.infer<typeof ReturnResponse>;

/** The entity tag of a desired state: `"<generation>-<spec hash>"` with its quotes, and the version of the
 *  memo that goes with it. */
export function desiredTag(generation: number, hash: string, memo?: number): string {
  return memo === undefined ? `"${generation}-${hash}"` : `"${generation}-${hash}-${memo}"`;
}
