// Parameters and named schemas that several resources share.
import { z } from "@hono/zod-openapi";
import { operatorUsername } from "#hub/broker/port.ts";
import { maxLabels } from "#hub/ingest/intake.ts";
import { Beat, HostHealth } from "#shared/beat.ts";
import { DesiredState } from "#shared/desired.ts";
import { EnrolRequest, EnrolResponse } from "#shared/enrolment.ts";
import { Envelope } from "#shared/envelope.ts";
import { ReportRequest, ReportResponse, ReturnRequest, ReturnResponse } from "#shared/gateway.ts";
import { DeviceId, Digest, Labels } from "#shared/ids.ts";
import { JournalEntry } from "#shared/journal.ts";
import { AppReport, ReportedState } from "#shared/reported.ts";
import { Condition, Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import { DesiredMessage } from "#shared/wire.ts";
import { component } from "./component.ts";

/** The id of a device that is to be enrolled. */
export const NewDeviceId = DeviceId.refine((id) => id !== operatorUsername, {
  error: `"${operatorUsername}" is the operators' MQTT user name; give the device another id`,
});

const NewLabels = Labels.refine((labels) => Object.keys(labels).length <= maxLabels, {
  error: `at most ${maxLabels} labels are allowed`,
});

component("Beat", Beat);
component("AppReport", AppReport);
component("DesiredState", DesiredState);
component("Condition", Condition);
export const ConnectionSchema = component("Connection", Connection);
component("Envelope", Envelope);
export const DesiredMessageSchema = component("DesiredMessage", DesiredMessage);
export const EnrolRequestSchema = component(
  "EnrolRequest",
  EnrolRequest.extend({ device: NewDeviceId, labels: NewLabels }),
);
export const EnrolResponseSchema = component("EnrolResponse", EnrolResponse);
export const HealthSchema = component("HealthStatus", HealthStatus);
export const HostHealthSchema = component("HostHealth", HostHealth);
export const JournalEntrySchema = component("JournalEntry", JournalEntry);
export const ReportedSchema = component("ReportedState", ReportedState);
export const ReportRequestSchema = component("ReportRequest", ReportRequest);
export const ReportResponseSchema = component("ReportResponse", ReportResponse);
export const ReturnRequestSchema = component("ReturnRequest", ReturnRequest);
export const ReturnResponseSchema = component("ReturnResponse", ReturnResponse);
export const SyncSchema = component("SyncStatus", SyncStatus);

/** No Date holds more. */
const lastMs = 8_640_000_000_000_000;
/** Unix ms. */
export const UnixMs = z.int().max(lastMs).meta({ description: "Unix time in milliseconds." });

export const DeviceParams = z.object({ id: DeviceId });
export const DigestParams = z.object({ digest: Digest });

/** JSON can say half of a surrogate pair and UTF-8 cannot; what is signed for a device is UTF-8. */
export const wellFormed = [
  (text: string): boolean => text.isWellFormed(),
  "must be well-formed Unicode",
] as const;

export const Reason = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .refine(...wellFormed)
  .meta({ description: "Why, for others to read." });

/** How a list is paged: by a key, not by an offset, so that any page costs the same. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(512).optional().meta({ description: "`next` of the page before." }),
});

export interface ListOf<T> {
  items: T[];
  /** Null on the last page. */
  next: string | null;
}

/** The schema of a list, named after its items. */
export function listOf<T extends z.ZodType>(id: string, item: T) {
  const next = z.string().nullable().meta({ description: "`cursor` of the next page." });
  return component(id, z.object({ items: z.array(item), next }));
}
