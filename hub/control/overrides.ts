// What operators have laid over the repository by hand, in one form for the store, the API, backups and a hub that
// is rebuilt from what its devices carry.
import { z } from "zod";
import type { DeviceRow } from "#hub/store/port.ts";
import { byCodeUnit } from "#shared/canonical.ts";
import { DesiredMode } from "#shared/desired.ts";
import {
  AppName,
  CommitId,
  DeviceId,
  Digest,
  LabelKey,
  LabelValue,
  RoleName,
  ValueName,
} from "#shared/ids.ts";

const Reason = z.string();
const UnixMs = z.int();

/** Devices of a deployment stay at one release: all, those with labels, or one. */
export const Pin = z.object({
  /** Never given twice. */
  id: z.int().positive(),
  deployment: AppName,
  /** Only this device; else only those that the selector matches; else all. */
  device: DeviceId.exactOptional(),
  labelSelector: z.string().exactOptional(),
  branch: z.string(),
  /** Release and values are as this commit has them. */
  commit: CommitId,
  role: RoleName,
  digest: Digest,
  operator: z.string(),
  reason: Reason,
  at: UnixMs,
  /** Absent: until somebody removes it. */
  until: UnixMs.exactOptional(),
});
export type Pin = z.infer<typeof Pin>;

const stamp = { operator: z.string(), reason: Reason, at: UnixMs };

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

export const DeviceOverrides = z.object({
  mode: DesiredMode,
  modeReason: z.string().nullable(),
  modeOperator: z.string().nullable(),
  modeAt: UnixMs.nullable(),
  edits: DeviceEdits,
});

export type DeviceOverrides = z.infer<typeof DeviceOverrides>;

/** Everything that people have ordered and no commit says. */
export const Overrides = z.object({
  version: z.literal(1),
  pins: z.array(Pin),
  /** Only devices about which something was ordered. */
  devices: z.record(DeviceId, DeviceOverrides),
});
export type Overrides = z.infer<typeof Overrides>;

type Row = Pick<DeviceRow, "id" | "edits" | keyof Mode>;
type Mode = Omit<DeviceOverrides, "edits">;

/** Pure. */
export function overridesOf(pins: readonly Pin[], rows: readonly Row[]): Overrides {
  const devices = rows.flatMap(({ id, ...row }): [DeviceId, DeviceOverrides][] =>
    row.mode === "run" && !hasEdits(row.edits) ? [] : [[id, DeviceOverrides.parse(row)]],
  );
  return {
    version: 1,
    pins: pins.map((pin) => Pin.parse(pin)).toSorted((a, b) => a.id - b.id),
    devices: Object.fromEntries(devices.toSorted(([a], [b]) => byCodeUnit(a, b))) as never,
  };
}

export function hasEdits({ labels, values }: DeviceEdits): boolean {
  return Object.keys(labels).length + Object.keys(values).length > 0;
}
