// Enrolment over HTTP: a single-use token becomes a device's identity and the hub's pinned keys.
import { z } from "zod";
import { Envelope } from "./envelope.ts";
import { DeviceId, Labels } from "./ids.ts";

export const EnrolRequest = z.object({
  token: z.string().min(16).max(256),
  device: DeviceId,
  labels: Labels,
  /** Random and kept by the device: the same nonce may redeem the same token again, so that an answer
   *  lost on the way costs no drive to the site. */
  nonce: z.string().min(16).max(128),
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;

export const EnrolResponse = z.object({
  device: DeviceId,
  /** Password for MQTT and HTTP; the hub keeps only its sha256. */
  secret: z.string(),
  /** The hub's Ed25519 public keys, SubjectPublicKeyInfo as PEM. */
  hubKeys: z.array(z.string()).min(1),
  /** Absent when this hub offers HTTP alone. */
  mqttUrl: z.string().exactOptional(),
  /** An EnrolmentStatement in the hub's own hand. */
  statement: Envelope.exactOptional(),
});
export type EnrolResponse = z.infer<typeof EnrolResponse>;

export const statementPayloadType = "application/vnd.metrica.fleet.enrolment.v1+json";

/** What the hub signs at enrolment and the device shows to a hub that does not know it: "this device has
 *  proved itself to me with a secret of this hash". It is worth nothing without the secret. */
export const EnrolmentStatement = z.object({
  device: DeviceId,
  /** sha256 in hex. */
  secretHash: z.string().regex(/^[0-9a-f]{64}$/),
  labels: Labels,
  /** Unix ms by the hub's clock: when the device was enrolled first, and when it got this secret. */
  enrolledAt: z.number().int(),
  issuedAt: z.number().int(),
});
export type EnrolmentStatement = z.infer<typeof EnrolmentStatement>;
