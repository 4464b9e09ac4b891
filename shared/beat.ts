// The small messages of a connection: heartbeat and presence.
import { z } from "zod";

export const HostHealth = z.object({
  /** Share of all cores in [0, 1]. */
  cpu: z.number(),
  load1: z.number(),
  memoryUsedBytes: z.number(),
  memoryTotalBytes: z.number(),
  diskUsedBytes: z.number(),
  diskTotalBytes: z.number(),
  /** Absent where the machine has no sensor. */
  temperatureC: z.number().exactOptional(),
  uptimeSeconds: z.number(),
});
export type HostHealth = z.infer<typeof HostHealth>;

export const Beat = z.object({
  bootId: z.string(),
  generation: z.number().int().nonnegative(),
  specHash: z.string(),
  at: z.number().int(),
  /** Ms since that boot: a beat that comes late is known by it, whatever the clock did. */
  monotonicMs: z.number().exactOptional(),
  heartbeatMs: z.number().int().positive(),
  host: HostHealth.exactOptional(),
});
export type Beat = z.infer<typeof Beat>;

/** Retained, and with `offline` the connection's last will. */
export const Presence = z.object({
  state: z.enum(["online", "offline"]),
  bootId: z.string(),
  /** With `offline`: the device sleeps on purpose and connects again within so many ms. */
  nextInMs: z.number().int().positive().exactOptional(),
});
export type Presence = z.infer<typeof Presence>;
