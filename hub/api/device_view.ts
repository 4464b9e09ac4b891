// A device as the API shows it: short in lists and on the watch stream, full on its own.
import { z } from "@hono/zod-openapi";
import type { Notice } from "#hub/control/notices.ts";
import { DeviceEdits } from "#hub/control/overrides.ts";
import { type Lifecycle, lifeConditions, lifeConditionTypes } from "#hub/run/phase.ts";
import type { DesiredRow, DeviceRow } from "#hub/store/port.ts";
import { deviceWorkloads } from "#hub/telemetry/totals.ts";
import { DesiredMode } from "#shared/desired.ts";
import { AppName, DeviceId, Digest, Labels, RoleName } from "#shared/ids.ts";
import { type AppReport, Cause, FailureReport, SafeModeReport } from "#shared/reported.ts";
import { Condition, ConditionType } from "#shared/status.ts";
import { component } from "./component.ts";
import { NoticeSchema } from "./notice_view.ts";
import {
  ConnectionSchema,
  HealthSchema,
  HostHealthSchema,
  ReportedSchema,
  SyncSchema,
  UnixMs,
} from "./schema.ts";
import { DeviceWorkloadsSchema } from "./workloads_schema.ts";

/** One revision of an app, by what a person looks it up with. */
const Revision = z.object({
  role: z.string(),
  branch: z.string(),
  commit: z.string(),
  digest: Digest,
});

export const AppSummary = component(
  "AppSummary",
  z.object({
    name: AppName,
    sync: SyncSchema,
    health: HealthSchema,
    current: Revision.exactOptional().meta({ description: "What serves now." }),
    target: Revision.exactOptional().meta({ description: "What is wanted, where it differs." }),
    step: z.string().exactOptional().meta({ description: "The step under way." }),
    progress: z.number().exactOptional(),
    failure: FailureReport.exactOptional(),
    why: z
      .array(Cause)
      .exactOptional()
      .meta({ description: "Why it is not converged, the nearest cause first." }),
  }),
);
export type AppSummary = z.infer<typeof AppSummary>;

const summaryShape = {
  id: DeviceId,
  labels: Labels,
  connection: ConnectionSchema,
  lastSeenAt: UnixMs.nullable(),
  reportedAt: UnixMs.nullable().meta({ description: "Of its newest report, by its own clock." }),
  sync: SyncSchema,
  health: HealthSchema,
  desiredGeneration: z.int(),
  observedGeneration: z.int(),
  mode: DesiredMode.meta({ description: "As ordered by an operator." }),
  notices: z
    .array(NoticeSchema)
    .meta({ description: "What keeps it from following the repository, and who said so." }),
  safeMode: SafeModeReport.exactOptional().meta({ description: "While the device is in it." }),
};

export const DeviceSummary = component(
  "DeviceSummary",
  z.object({ ...summaryShape, apps: z.array(AppSummary) }),
);
export type DeviceSummary = z.infer<typeof DeviceSummary>;

const DesiredSummary = z.object({
  generation: z.int(),
  specHash: z.string(),
  issuedAt: UnixMs,
  mode: z.string(),
  apps: z.array(
    z.object({
      name: AppName,
      role: RoleName,
      branch: z.string(),
      commit: z.string(),
      digest: Digest,
    }),
  ),
});

/** Those that the device reports, and those of its life, which only the hub knows. */
const DeviceCondition = component(
  "DeviceCondition",
  Condition.extend({ type: z.enum([...ConditionType.options, ...lifeConditionTypes]) }),
);
export type DeviceCondition = z.infer<typeof DeviceCondition>;

export const DeviceView = component(
  "Device",
  z.object({
    ...summaryShape,
    agentLabels: Labels.meta({ description: "As the device declares them." }),
    modeReason: z.string().nullable(),
    modeOperator: z.string().nullable(),
    modeAt: UnixMs.nullable(),
    overrides: DeviceEdits.meta({ description: "What lies over its files." }),
    enrolledAt: UnixMs,
    heartbeatMs: z.int(),
    desired: DesiredSummary.nullable(),
    observedHash: z.string().nullable(),
    apps: z.array(AppSummary),
    conditions: z
      .array(DeviceCondition)
      .meta({ description: "As the device reports them, then those of its life." }),
    workloads: DeviceWorkloadsSchema,
    reported: ReportedSchema.nullable(),
    hostHealth: HostHealthSchema.nullable(),
  }),
);
export type DeviceView = z.infer<typeof DeviceView>;

export function deviceSummary(row: DeviceRow, notices: Notice[]): DeviceSummary {
  return { ...common(row), notices, apps: (row.reported?.apps ?? []).map(appSummary) };
}

/** What is known of a device beside its row. */
interface About {
  desired: DesiredRow | null;
  notices: Notice[];
  /** Undefined until the hub has looked at it for the first time. */
  life: Lifecycle | undefined;
}

export function deviceView(row: DeviceRow, { desired, notices, life }: About): DeviceView {
  return {
    ...deviceSummary(row, notices),
    agentLabels: row.agentLabels,
    modeReason: row.modeReason,
    modeOperator: row.modeOperator,
    modeAt: row.modeAt,
    overrides: row.edits,
    enrolledAt: row.enrolledAt,
    heartbeatMs: row.heartbeatMs,
    desired: desired === null ? null : desiredSummary(desired),
    observedHash: row.observedHash,
    conditions: conditionsOf(row, life),
    workloads: deviceWorkloads(row.reported, row.connection),
    reported: row.reported,
    hostHealth: row.hostHealth,
  };
}

export function conditionsOf(
  { reported }: Pick<DeviceRow, "reported">,
  life: Lifecycle | undefined,
): DeviceCondition[] {
  return [...(reported?.conditions ?? []), ...(life === undefined ? [] : lifeConditions(life))];
}

function common(row: DeviceRow): Omit<DeviceSummary, "apps" | "notices"> {
  const { id, labels, connection, lastSeenAt, sync, health, mode } = row;
  const { desiredGeneration, observedGeneration, reported } = row;
  return {
    id,
    labels,
    connection,
    lastSeenAt,
    reportedAt: reported?.at ?? null,
    sync,
    health,
    desiredGeneration,
    observedGeneration,
    mode,
    ...(reported?.safeMode === undefined ? {} : { safeMode: reported.safeMode }),
  };
}

function appSummary(app: AppReport): AppSummary {
  const { name, sync, health, current, target, step, progress, failure, why } = app;
  return {
    name,
    sync,
    health,
    ...(current === undefined ? {} : { current: revisionOf(current) }),
    ...(target === undefined ? {} : { target: revisionOf(target) }),
    ...(step === undefined ? {} : { step }),
    ...(progress === undefined ? {} : { progress }),
    ...(failure === undefined ? {} : { failure }),
    ...(why === undefined ? {} : { why }),
  };
}

function revisionOf({ role, branch, commit, digest }: z.infer<typeof Revision>) {
  return { role, branch, commit, digest };
}

function desiredSummary(row: DesiredRow): z.infer<typeof DesiredSummary> {
  const { generation, specHash, issuedAt, content } = row;
  const apps = content.apps.map(({ name, release }) => ({ name, ...revisionOf(release) }));
  return { generation, specHash, issuedAt, mode: content.mode, apps };
}
