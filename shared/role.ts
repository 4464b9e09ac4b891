// role.yaml: what a role says about its values, health and hooks, beside its compose.yaml.
import { z } from "zod";
import { RoleName, ValueName, type Values } from "./ids.ts";
import { MaintenanceWindow } from "./window.ts";

const seconds = z.number().positive().max(86_400);

/** One health probe of the role, made from the device. Values are interpolated into its strings. */
export const Probe = z.union([
  z.strictObject({
    /** `http://127.0.0.1:${PORT}/healthz`; any status in [200, 400) passes unless `status` is given. */
    http: z.string(),
    status: z.number().int().min(100).max(599).exactOptional(),
    timeoutSeconds: seconds.exactOptional(),
  }),
  z.strictObject({
    /** `127.0.0.1:${PORT}`; passes when a connection opens. */
    tcp: z.string(),
    timeoutSeconds: seconds.exactOptional(),
  }),
  z.strictObject({
    /** Passes once the service's output since its start matches this regular expression. */
    log: z.string(),
    service: z.string(),
  }),
  z.strictObject({
    /** A script of the role; passes with exit code 0. Runs in the release directory. */
    script: z.string(),
    timeoutSeconds: seconds.exactOptional(),
  }),
]);
export type Probe = z.infer<typeof Probe>;

export const RoleFile = z.strictObject({
  apiVersion: z.literal("metrica.fleet/v1"),
  kind: z.literal("Role"),
  name: RoleName.exactOptional(),
  description: z.string().exactOptional(),
  /** The lowest layer of values. */
  values: z
    .record(ValueName, z.union([z.string(), z.number(), z.boolean()]))
    .transform((map): Values => stringValues(map))
    .default({}),
  /** Values that must be set and not empty on every device. */
  requires: z.array(ValueName).default([]),
  health: z
    .strictObject({
      probes: z.array(Probe).default([]),
      gracePeriodSeconds: seconds.default(60),
      stableSeconds: z.number().min(0).max(3600).default(2),
    })
    .default({ probes: [], gracePeriodSeconds: 60, stableSeconds: 2 }),
  hooks: z
    .strictObject({
      /** A script of the role, run before the swap; a non-zero exit refuses the release. */
      validate: z.string().exactOptional(),
      /** A script of the release that serves, asked before it is replaced; a non-zero exit holds the update
       *  back for now. Code 75 (EX_TEMPFAIL) says "busy". */
      preUpdate: z.string().exactOptional(),
    })
    .default({}),
  update: z
    .strictObject({
      /** Default: at any time. */
      windows: z.array(MaintenanceWindow).max(16).exactOptional(),
      /** For how long the app may hold an update back. */
      maxHoldSeconds: z.number().min(0).max(2_592_000).default(86_400),
    })
    .default({ maxHoldSeconds: 86_400 }),
  /** For devices that save power: how often to look, and whether the connection stays up in between. */
  rhythm: z
    .strictObject({
      intervalSeconds: seconds.min(1),
      connection: z.enum(["keep", "sleep"]).default("keep"),
    })
    .exactOptional(),
});
export type RoleFile = z.infer<typeof RoleFile>;

/** YAML scalars as the environment holds them. */
export function stringValues(map: Record<string, string | number | boolean>): Values {
  return Object.fromEntries(Object.entries(map).map(([key, value]) => [key, String(value)]));
}
