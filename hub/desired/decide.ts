// Decides whether a device needs a new desired state, and makes it; pure.

import type { FleetSnapshot } from "#hub/release/model.ts";
import type { DesiredRow, DeviceRow } from "#hub/store/port.ts";
import { canonicalJson } from "#shared/canonical.ts";
import { type DesiredState, specHash } from "#shared/desired.ts";
import { sealDesired } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import type { Labels } from "#shared/ids.ts";
import type { RunOrder } from "#shared/run.ts";
import { maxDesiredBytes } from "#shared/wire.ts";
import { compute, effectiveLabels, type OlderOf } from "./compute/compute.ts";
import type { SigningKey } from "./keys.ts";

interface Decision {
  /** Effective labels, when they are not the ones of the row. */
  labels?: Labels;
  /** The next desired state, when the current one does not say what is wanted. */
  next?: DesiredRow;
  /** The device holds another content under the current one's number; the next answers that. */
  isConflict?: boolean;
}

interface DecideInput {
  fleet: FleetSnapshot;
  device: Pick<
    DeviceRow,
    | "id"
    | "labels"
    | "inventoryLabels"
    | "agentLabels"
    | "observedGeneration"
    | "observedHash"
    | "mode"
    | "retry"
    | "edits"
  >;
  current: DesiredRow | undefined;
  /** Whether the current one was made because of a conflict: then another would change nothing. */
  isAnswer: boolean;
  key: SigningKey;
  /** Unix ms. */
  now: number;
  /** What pins and rollouts say of the device with these labels. */
  readonly olderOf?: ((labels: Labels) => OlderOf) | undefined;
  /** What the device is to do once. */
  run?: RunOrder | undefined;
}

/** @throws FleetError message_too_large */
export function decide({ fleet, device, current, key, now, ...rest }: DecideInput): Decision {
  const labels = effectiveLabels(fleet, device);
  const { id, mode, retry, edits } = device;
  const older = rest.olderOf?.(labels);
  const apps = compute(fleet, { id, labels, mode, retry, edits }, current?.content, older);
  const content = rest.run === undefined ? apps : { ...apps, run: rest.run };
  const hash = specHash(content);
  const decision: Decision =
    canonicalJson(labels) === canonicalJson(device.labels) ? {} : { labels };
  if (current !== undefined && stands(current, hash, device.observedGeneration, key)) {
    if (rest.isAnswer || !isConflict(current, device)) return decision;
    decision.isConflict = true;
  }
  // A store restored from an old backup numbers below what the device has seen and would refuse.
  const generation = Math.max(current?.generation ?? 0, device.observedGeneration) + 1;
  return { ...decision, next: seal({ ...content, generation, issuedAt: now }, hash, key) };
}

/** A hub restored from an old copy gave this number out before, for something else; a device refuses the
 *  second content of a number for good. */
function isConflict(current: DesiredRow, device: DecideInput["device"]): boolean {
  return (
    device.observedGeneration === current.generation && device.observedHash !== current.specHash
  );
}

function stands(current: DesiredRow, hash: string, observed: number, key: SigningKey): boolean {
  return (
    current.specHash === hash &&
    current.generation >= observed &&
    current.envelope.signatures.some(({ keyid }) => keyid === key.id)
  );
}

function seal(desired: DesiredState, hash: string, key: SigningKey): DesiredRow {
  const bytes = Buffer.byteLength(canonicalJson(desired));
  if (bytes > maxDesiredBytes) {
    throw new FleetError("message_too_large", {
      message: `the desired state of ${desired.device} has ${bytes} bytes; at most ${maxDesiredBytes} are allowed`,
      hint: "Give it fewer or shorter values, or fewer apps.",
      subject: desired.device,
    });
  }
  const { generation, issuedAt, ...content } = desired;
  const envelope = sealDesired(desired, key.privateKey, key.id);
  return { device: desired.device, generation, specHash: hash, content, envelope, issuedAt };
}
