// What the HTTP API asks of the hub's other parts, no wider than it uses them.

import type { Control } from "#hub/control/controller.ts";
import type { Notices } from "#hub/control/notices.ts";
import type { RepositoryHealth } from "#hub/git/health.ts";
import type { FleetSnapshot } from "#hub/release/model.ts";
import type { ResumeOrder } from "#hub/resurrect/resume.ts";
import type { BisectController } from "#hub/rollout/bisect/controller.ts";
import type { RolloutController } from "#hub/rollout/controller.ts";
import type { Previewer } from "#hub/rollout/previewer.ts";
import type { RunBook } from "#hub/run/book.ts";
import type { RunController } from "#hub/run/controller.ts";
import type { Plan } from "#hub/run/plan.ts";
import type { Identity, Pause } from "#hub/store/memo_port.ts";
import type { DesiredRow } from "#hub/store/port.ts";
import type { EnrolRequest } from "#shared/enrolment.ts";
import type { Envelope } from "#shared/envelope.ts";
import type { ReportRequest } from "#shared/gateway.ts";
import type { DeviceId, Digest } from "#shared/ids.ts";
import type { JournalAck } from "#shared/journal.ts";

/** The clone of the fleet repository. */
export interface GitControl {
  /** Fetches soon; several calls in a row make one fetch. */
  poke(): void;
}

export interface RepositorySource {
  health(): RepositoryHealth;
}

/** The accepted snapshots, for the list of deployments. */
export interface FleetSource {
  /** Undefined before the first accepted commit. */
  snapshot(): FleetSnapshot | undefined;
}

/** What people order of rollouts. */
export type RolloutControl = Pick<
  RolloutController,
  "order" | "haltFleet" | "fleetHalt" | "waitsFor"
>;

export type BisectControl = Pick<BisectController, "begin" | "cancel" | "waitsFor">;

/** Pins and edits, and the banners that tell of them. */
export interface ControlSource extends Pick<Control, "pin" | "unpin" | "edit" | "pins">, Notices {}

/** Plans and their runs, and the phases of devices. */
export interface RunControl
  extends Pick<RunController, "order" | "cancel" | "importDevices" | "place">,
    Pick<RunBook, "life" | "lives" | "openOf"> {
  plans(): ReadonlyMap<string, Plan>;
}

export type PreviewSource = Previewer;

export interface DesiredSource {
  current(device: DeviceId): Promise<DesiredRow | null>;
}

export interface BundleFile {
  path: string;
  sizeBytes: number;
}

export interface BundleSource {
  /** Null when no release has this digest. */
  open(digest: Digest): Promise<BundleFile | null>;
}

/** Where reports that came by HTTP go; the same way as those by MQTT. */
export interface ReportSink {
  /** Resolves once the journal batch is stored.
   *  @returns the acknowledgement, when the report held a batch */
  accept(device: DeviceId, report: ReportRequest): Promise<JournalAck | undefined>;
}

/** The answer that enrolment gives. */
export interface Introduction {
  /** The same for the same redemption, however often it is asked for. */
  secret(redeemed: Pick<EnrolRequest, "device" | "token" | "nonce">): string;
  /** The hub's Ed25519 public keys as PEM. */
  hubKeys: readonly string[];
  /** Undefined when this hub offers HTTP alone. */
  mqttUrl(): string | undefined;
  /** The hub's own word, signed, that it knows this device. */
  statement(identity: Identity): Envelope;
}

export interface MeasuredRequest {
  method: string;
  /** The route's pattern, never the path itself. */
  route: string;
  status: number;
  seconds: number;
}

export interface RequestMeter {
  observe(request: MeasuredRequest): void;
}

export interface MetricsSource {
  readonly contentType: string;
  render(): Promise<string>;
}

/** The pause after the store was lost or restored. */
export interface PauseControl {
  state(): Pause | null;
  resume(order: ResumeOrder): Promise<void>;
}

/** What travels beside the desired state. */
export interface MemoSource {
  of(device: DeviceId): { version: number; envelope: Envelope } | undefined;
}
