// What operators have laid over the repository by hand, in one form for the store and the API.
import { z } from "zod";
import {
  type AppName,
  type CommitId,
  type DeviceId,
  type Digest,
  LabelKey,
  LabelValue,
  ValueName,
} from "#shared/ids.ts";

/** Devices of a deployment stay at one release: all, those with labels, or one. */
export interface Pin {
  /** Never given twice. */
  id: number;
  deployment: AppName;
  /** Only this device; else only those that the selector matches; else all. */
  device?: DeviceId;
  labelSelector?: string;
  branch: string;
  /** Release and values are as this commit has them. */
  commit: CommitId;
  role: string;
  digest: Digest;
  operator: string;
  reason: string;
  /** Unix ms. */
  at: number;
  /** Unix ms; absent: until somebody removes it. */
  until?: number;
}

const stamp = { operator: z.string(), reason: z.string(), at: z.int() };

/** Null takes the label away. */
const LabelEdit = z.object({ value: LabelValue.nullable(), ...stamp });
const ValueEdit = z.object({ value: z.string(), ...stamp });

/** What lies on top of the files of one device. */
export const DeviceEdits = z.object({
  labels: z.record(LabelKey, LabelEdit),
  values: z.record(ValueName, ValueEdit),
});
export type DeviceEdits = z.infer<typeof DeviceEdits>;

export const noEdits: DeviceEdits = { labels: {}, values: {} };

export function hasEdits({ labels, values }: DeviceEdits): boolean {
  return Object.keys(labels).length + Object.keys(values).length > 0;
}
