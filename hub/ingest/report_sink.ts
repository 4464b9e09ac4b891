// Takes in the reports that come by HTTP, the same way as those by MQTT.
import type { ReportRequest } from "#shared/gateway.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { JournalAck } from "#shared/journal.ts";
import type { Ingest } from "./ingest.ts";

export interface ReportSink {
  /** Resolves once all of it is stored.
   *  @returns the acknowledgement, when the report held a batch of the journal */
  accept(device: DeviceId, report: ReportRequest): Promise<JournalAck | undefined>;
}

export function createReportSink({ accept }: Pick<Ingest, "accept">): ReportSink {
  return {
    accept: async (device, { beat, reported, journal }) => {
      const [ack] = await Promise.all([
        journal === undefined ? null : accept(device, "journal", journal),
        reported === undefined ? null : accept(device, "reported", reported),
        accept(device, "beat", beat),
      ]);
      return ack ?? undefined;
    },
  };
}
