// What a device is told at its enrolment: its secret, whom to trust, and the hub's own word that it is known.
import { createHmac, sign } from "node:crypto";
import type { SigningKey } from "#hub/desired/keys.ts";
import type { Identity } from "#hub/store/memo_port.ts";
import type { EnrolRequest } from "#shared/enrolment.ts";
import type { Envelope } from "#shared/envelope.ts";
import { sealStatement } from "./statement.ts";

interface Options {
  key: SigningKey;
  mqttUrl: () => string | undefined;
}

export function createIntroduction({ key, mqttUrl }: Options) {
  return {
    mqttUrl,
    hubKeys: [key.publicPem],
    statement: (identity: Identity): Envelope => sealStatement(identity, key),
    secret: (redeemed: Redeemed): string => secretOf(redeemed, key),
  };
}

type Redeemed = Pick<EnrolRequest, "device" | "token" | "nonce">;

/** One redemption, one secret. A busy hub may still work on a request that the device has given up when the
 *  next one is answered: with a secret of its own the late one would lock the device out for good. */
function secretOf({ device, token, nonce }: Redeemed, { privateKey }: SigningKey): string {
  // Signatures by Ed25519 are the same each time: this is a key of the hub's for this purpose alone.
  const own = sign(null, Buffer.from("metrica.fleet/device-secret"), privateKey);
  return createHmac("sha256", own)
    .update(JSON.stringify([device, token, nonce]))
    .digest("base64url");
}
