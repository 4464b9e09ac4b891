// Enrolment over HTTP: a single-use token becomes a device's identity and the hub's pinned keys.
import { z } from "zod";
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
});
export type EnrolResponse = z.infer<typeof EnrolResponse>;
