// The hub's signing key: made at the first start, kept where only the hub's user can read it.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { keyIdOf } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import { ifPresent, makeDirectory, writeFileAtomic } from "#shared/files.ts";

export interface SigningKey {
  /** Ed25519. */
  privateKey: KeyObject;
  id: string;
  /** SubjectPublicKeyInfo as PEM: what devices pin at enrolment. */
  publicPem: string;
}

/** @param directory the hub's data directory; made when missing
 *  @throws FleetError config_invalid when the file is no such key, or others may read it */
export async function loadSigningKey(directory: string): Promise<SigningKey> {
  const file = join(directory, "signing-key.pem");
  const pem = (await existing(file)) ?? (await create(file));
  const privateKey = parse(file, pem);
  const publicKey = createPublicKey(privateKey);
  const publicPem = publicKey.export({ type: "spki", format: "pem" }).toString();
  return { privateKey, id: keyIdOf(publicKey), publicPem };
}

async function existing(file: string): Promise<string | undefined> {
  const stats = await ifPresent(stat(file));
  if (stats === undefined) return undefined;
  if ((stats.mode & 0o077) !== 0) {
    throw refused(file, "may be read by others", `Run: chmod 600 ${file}`);
  }
  return readFile(file, "utf8");
}

/** Durable before it is used: a key that a power cut takes back would send every device to enrol again. */
async function create(file: string): Promise<string> {
  const { privateKey } = generateKeyPairSync("ed25519");
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await makeDirectory(dirname(file));
  await writeFileAtomic(file, pem, 0o600);
  return pem;
}

function parse(file: string, pem: string): KeyObject {
  const hint = "Restore the key from a backup; with a new one every device must enrol again.";
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "ed25519") return key;
  } catch (cause) {
    throw refused(file, "is not a private key", hint, cause);
  }
  throw refused(file, "is not an Ed25519 key", hint);
}

function refused(file: string, message: string, hint: string, cause?: unknown): FleetError {
  return new FleetError("config_invalid", {
    message: `the signing key ${message}`,
    where: { file },
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}
