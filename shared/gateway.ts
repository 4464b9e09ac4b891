// The device's HTTP exchange with the hub, for networks that let no MQTT through.
import { z } from "zod";
import { Beat } from "./beat.ts";
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

/** The entity tag of a desired state: `"<generation>-<spec hash>"` with its quotes. */
export function desiredTag(generation: number, hash: string): string {
  return `"${generation}-${hash}"`;
}
