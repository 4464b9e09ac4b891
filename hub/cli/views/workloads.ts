// What the copies of an app's services say of themselves, as `describe` prints it.
import type { DeviceView } from "#hub/api/device_view.ts";
import { type TimeView, when } from "#hub/cli/resources/resource.ts";
import type { Tone } from "#hub/cli/terminal/colour.ts";
import type { TelemetryState, WorkloadReport } from "#shared/telemetry.ts";
import { workloadWords } from "#shared/telemetry_words.ts";
import type { Page } from "./page.ts";

const tones: Record<TelemetryState, Tone> = {
  operational: "good",
  degraded: "busy",
  down: "bad",
  unknown: "dim",
};

export function writeWorkloads(
  page: Page,
  app: string,
  { reported, connection }: Pick<DeviceView, "reported" | "connection">,
  view: TimeView,
): void {
  const own = (reported?.telemetry?.workloads ?? []).filter((workload) => workload.app === app);
  // Of a device that is not heard this is the last word, and not how the copy is.
  const heard = connection === "Online";
  if (own.length === 0) return;
  page.table<WorkloadReport>(
    [
      { title: "COPY", text: ({ service, instance }) => `${service}.${instance}` },
      {
        title: "STATE",
        text: ({ state }) => (heard ? state : `unknown, last ${state}`),
        tone: ({ state }) => (heard ? tones[state] : "dim"),
      },
      { title: "SAID", text: ({ at }) => when(at, view) },
      { title: "SAYS", text: (workload) => workloadWords(workload).join(", "), atLeast: 20 },
    ],
    own,
  );
}
