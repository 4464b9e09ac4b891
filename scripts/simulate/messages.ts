// What the simulator's main process and its workers say to each other.
import type { DeviceId, Labels } from "#shared/ids.ts";
import type { DeviceSettings } from "./device.ts";
import type { Counts } from "./tally.ts";

export interface Assignment {
  settings: DeviceSettings;
  /** An operator's, for the enrolment tokens. */
  operatorToken: string;
  devices: { id: DeviceId; labels: Labels; model: string }[];
}

export type ToWorker = { kind: "start"; assignment: Assignment } | { kind: "finish" };

export type FromWorker =
  | { kind: "ready" }
  | { kind: "progress"; counts: Counts; problem?: string }
  | { kind: "finished"; counts: Counts; latenciesMs: number[] };
