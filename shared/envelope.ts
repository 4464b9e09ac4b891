// What the hub signs for a device, above all its desired state: the DSSE envelope with Ed25519.
import { createHash, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";
import { canonicalJson } from "./canonical.ts";
import { DesiredState } from "./desired.ts";
import { FleetError } from "./errors.ts";

export const desiredPayloadType = "application/vnd.metrica.fleet.desired.v1+json";

/** @see https://github.com/secure-systems-lab/dsse/blob/master/envelope.md */
export const Envelope = z.object({
  payloadType: z.string(),
  /** Base64 of the payload's bytes. */
  payload: z.base64(),
  signatures: z
    .array(z.object({ keyid: z.string(), sig: z.base64() }))
    .min(1)
    .max(8),
});
export type Envelope = z.infer<typeof Envelope>;

/** A key's name: sha256 of its SubjectPublicKeyInfo in DER. */
export function keyIdOf(publicKey: KeyObject): string {
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** DSSE's pre-authentication encoding: what is signed. */
function preAuthenticationEncoding(payloadType: string, payload: Buffer): Buffer {
  const type = Buffer.from(payloadType);
  const head = `DSSEv1 ${type.length} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** Seals a value as canonical JSON.
 *  @param privateKey Ed25519 */
export function seal(
  payloadType: string,
  value: unknown,
  privateKey: KeyObject,
  keyid: string,
): Envelope {
  const payload = Buffer.from(canonicalJson(value));
  const sig = sign(null, preAuthenticationEncoding(payloadType, payload), privateKey);
  return {
    payloadType,
    payload: payload.toString("base64"),
    signatures: [{ keyid, sig: sig.toString("base64") }],
  };
}

/** The bytes inside, once one signature holds under a trusted key; undefined when none does, or when the
 *  envelope holds something of another type.
 *  @param trusted Ed25519 public keys by key id */
export function open(
  envelope: Envelope,
  payloadType: string,
  trusted: ReadonlyMap<string, KeyObject>,
): Buffer | undefined {
  const payload = Buffer.from(envelope.payload, "base64");
  return envelope.payloadType === payloadType && isSigned(envelope, payload, trusted)
    ? payload
    : undefined;
}

/** @param privateKey Ed25519 */
export function sealDesired(desired: DesiredState, privateKey: KeyObject, keyid: string): Envelope {
  return seal(desiredPayloadType, desired, privateKey, keyid);
}

/** The desired state inside, once one signature holds under a trusted key.
 *  @param trusted Ed25519 public keys by key id
 *  @throws FleetError envelope_invalid when no signature holds or the content is malformed */
export function openDesired(
  envelope: Envelope,
  trusted: ReadonlyMap<string, KeyObject>,
): DesiredState {
  const payload = open(envelope, desiredPayloadType, trusted);
  if (payload === undefined) {
    throw new FleetError("envelope_invalid", {
      message: "no signature of the desired state holds under a key that this device trusts",
      hint: "Enrol the device again if the hub's key was replaced.",
    });
  }
  return parseDesired(payload);
}

function isSigned(
  { payloadType, signatures }: Envelope,
  payload: Buffer,
  trusted: ReadonlyMap<string, KeyObject>,
): boolean {
  const signed = preAuthenticationEncoding(payloadType, payload);
  return signatures.some(({ keyid, sig }) => {
    const key = trusted.get(keyid);
    return key !== undefined && verify(null, signed, key, Buffer.from(sig, "base64"));
  });
}

function parseDesired(payload: Buffer): DesiredState {
  try {
    return DesiredState.parse(JSON.parse(payload.toString("utf8")));
  } catch (cause) {
    throw new FleetError("envelope_invalid", {
      message: "the signed desired state does not have the form of this agent's version",
      hint: "Update the agent.",
      cause,
    });
  }
}
