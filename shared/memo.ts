// The hub's memo on a device: what the hub itself would miss if it lost its store, sealed, carried by the device.
import type { KeyObject } from "node:crypto";
import { z } from "zod";
import { type Envelope, open } from "./envelope.ts";
import { DeviceId } from "./ids.ts";

export const memoPayloadType = "application/vnd.metrica.fleet.memo.v1+json";

/** The sealed document may not be larger. */
export const maxMemoBytes = 48 * 1024;

/** A device keeps the newest, and reads no more of it than this. */
export const Memo = z.object({
  device: DeviceId,
  /** Only rises; Unix ms of the hub's clock, or one more than the version before. */
  version: z.number().int().positive(),
  /** For the hub alone: gzip, then base64. */
  content: z.base64(),
});
export type Memo = z.infer<typeof Memo>;

/** The memo inside; undefined unless a trusted key has signed it for this device. */
export function openMemo(
  envelope: Envelope,
  device: DeviceId,
  trusted: ReadonlyMap<string, KeyObject>,
): Memo | undefined {
  const payload = open(envelope, memoPayloadType, trusted);
  if (payload === undefined || payload.byteLength > maxMemoBytes) return undefined;
  const memo = Memo.safeParse(JSON.parse(payload.toString("utf8"))).data;
  return memo?.device === device ? memo : undefined;
}
