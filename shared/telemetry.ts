// What a workload says of itself: a few fields that cameras, players, robots and sensor hubs share, and its own.
import { z } from "zod";
import { FleetError } from "./errors.ts";
import { AppName } from "./ids.ts";

/** One post, as bytes of its JSON. */
export const maxTelemetryBytes = 4096;
/** Below this share of its charge a battery counts as low, on a charger too. */
export const lowBatteryCharge = 0.2;
/** For so long, in seconds, a post holds that says nothing else. */
export const usualValidSeconds = 180;

const maxEntries = 16;
/** Control characters would speak to a terminal, and a lone surrogate has no canonical JSON. */
const text = (length: number) =>
  z
    .string()
    .max(length)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, "has a control character or half of a surrogate pair");
const word = (length: number) => text(length).min(1);
const Name = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/,
    "is no name: a letter, then up to 62 of A-Z a-z 0-9 _ . -",
  );
const few = <V extends z.ZodType>(value: V) =>
  z
    .record(Name, value)
    .refine((all) => Object.keys(all).length <= maxEntries, `has more than ${maxEntries} entries`);
const Scalar = z.union([z.number(), text(128), z.boolean()], {
  error: "must be a finite number, a text, true or false",
});

export const WorkloadState = z.enum(["operational", "degraded", "down"]);
export type WorkloadState = z.infer<typeof WorkloadState>;

/** @see OpenTelemetry semantic conventions, hw.battery.*: charge is a fraction; VDA 5050 state,
 *  batteryState: batteryCharge is in percent, and is divided by 100 */
const Battery = z.object({
  /** Remaining share of the charge. */
  charge: z.number().min(0).max(1),
  charging: z.boolean().exactOptional(),
  voltageVolts: z.number().min(0).exactOptional(),
});

/** On the globe, or on a map of the site as in VDA 5050's agvPosition. */
const Position = z
  .object({
    /** WGS 84, in degrees. */
    latitude: z.number().min(-90).max(90).exactOptional(),
    longitude: z.number().min(-180).max(180).exactOptional(),
    /** VDA 5050's mapId. */
    map: word(64).exactOptional(),
    xMeters: z.number().exactOptional(),
    yMeters: z.number().exactOptional(),
    thetaRadians: z.number().min(-Math.PI).max(Math.PI).exactOptional(),
  })
  .refine(
    ({ latitude, longitude, map, xMeters, yMeters }) =>
      (latitude !== undefined && longitude !== undefined) ||
      (map !== undefined && xMeters !== undefined && yMeters !== undefined),
    "needs latitude and longitude, or map, xMeters and yMeters",
  );

const Task = z.object({
  name: word(100),
  /** The words of VDA 5050's actionStatus, without its casing. */
  state: z
    .enum(["waiting", "initializing", "running", "paused", "finished", "failed"])
    .exactOptional(),
  progress: z.number().min(0).max(1).exactOptional(),
});

export const Telemetry = z.object({
  state: WorkloadState,
  /** For people, above all why it is not operational. */
  message: word(200).exactOptional(),
  battery: Battery.exactOptional(),
  position: Position.exactOptional(),
  temperatureCelsius: z.number().min(-273.15).max(2000).exactOptional(),
  uptimeSeconds: z.number().min(0).exactOptional(),
  task: Task.exactOptional(),
  /** Totals that only rise until the workload starts again. */
  counters: few(z.number().min(0)).exactOptional(),
  /** What only this kind of workload knows. Shown with it; never totalled, never a label. */
  extensions: few(Scalar).exactOptional(),
  /** After this silence its state is unknown. */
  validSeconds: z.number().int().min(10).max(86_400).exactOptional(),
});
export type Telemetry = z.infer<typeof Telemetry>;

export interface ReadTelemetry {
  telemetry: Telemetry;
  /** Fields that this version does not know; a newer workload may say more. */
  ignored: string[];
}

/** @throws FleetError request_invalid with every field that does not hold, and why */
export function readTelemetry(input: unknown): ReadTelemetry {
  const { success, data, error } = Telemetry.safeParse(input);
  if (!success) {
    throw new FleetError("request_invalid", {
      message: error.issues.map(issueText).join("; "),
      hint: "The operator guide, “What a workload can say”, lists the fields; others go into `extensions`.",
    });
  }
  const known = new Set(Object.keys(Telemetry.shape));
  return {
    telemetry: data,
    ignored: Object.keys(input as object).filter((field) => !known.has(field)),
  };
}

function issueText(issue: z.core.$ZodIssue): string {
  const field = issue.path.map(String).join(".");
  const reason = issue.code === "invalid_key" ? issue.issues[0]?.message : issue.message;
  return field === "" ? (reason ?? issue.message) : `${field}: ${reason ?? issue.message}`;
}

/** `unknown`: it has said nothing for longer than its last post holds, or its device is not heard. */
export const TelemetryState = z.enum([...WorkloadState.options, "unknown"]);
export type TelemetryState = z.infer<typeof TelemetryState>;

/** Far above any device's, so that sums over a fleet stay whole numbers. */
const Count = z.number().int().min(0).max(1_000_000);
/** Of copies of services. `total` is the sum of the four states; `low_battery` counts across them. */
export const WorkloadCounts = z.object({
  total: Count,
  operational: Count,
  degraded: Count,
  down: Count,
  unknown: Count,
  low_battery: Count,
});
export type WorkloadCounts = z.infer<typeof WorkloadCounts>;

export const AppWorkloads = WorkloadCounts.extend({ app: AppName });
export type AppWorkloads = z.infer<typeof AppWorkloads>;

/** The last word of one copy of a service. */
export const WorkloadReport = Telemetry.partial().extend({
  app: AppName,
  service: z.string(),
  /** Counts from 1, as in the report of its app. */
  instance: z.number().int().positive(),
  state: TelemetryState,
  /** When it said so, Unix ms by the device's clock. */
  at: z.number().int(),
});
export type WorkloadReport = z.infer<typeof WorkloadReport>;

/** What a device passes on: every app's counts, and as many copies as there is room for, the worst first. */
export const TelemetryDigest = z.object({
  apps: z.array(AppWorkloads),
  workloads: z.array(WorkloadReport),
  /** Copies that are counted and not listed. */
  omitted: Count,
});
export type TelemetryDigest = z.infer<typeof TelemetryDigest>;

export function noWorkloads(): WorkloadCounts {
  return { total: 0, operational: 0, degraded: 0, down: 0, unknown: 0, low_battery: 0 };
}

/** Pure. */
export function addCounts(one: WorkloadCounts, other: WorkloadCounts): WorkloadCounts {
  const sum = noWorkloads();
  for (const key of Object.keys(sum) as (keyof WorkloadCounts)[]) sum[key] = one[key] + other[key];
  return sum;
}

export function hasLowBattery({ battery }: Pick<WorkloadReport, "battery">): boolean {
  return battery !== undefined && battery.charge < lowBatteryCharge;
}
