// A hub's signing key for tests, made in memory.
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import type { SigningKey } from "#hub/desired/keys.ts";
import { keyIdOf } from "#shared/envelope.ts";

export function createSigningKey(): SigningKey {
  const { privateKey } = generateKeyPairSync("ed25519");
  const publicKey = createPublicKey(privateKey);
  const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return { privateKey, id: keyIdOf(publicKey), publicPem };
}
