// Who this device is to the hub: the file that enrolment leaves, and what each way to the hub needs of it.
import { createPublicKey, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { EnrolResponse } from "#shared/enrolment.ts";
import { keyIdOf } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import { writePrivateFile } from "./durable.ts";

export const Identity = z.strictObject(EnrolResponse.shape);
export type Identity = z.infer<typeof Identity>;

function fileIn(directory: string): string {
  return join(directory, "device.json");
}

/** Undefined when the device was never enrolled.
 *  @throws FleetError config_invalid for a file that is there and cannot be used */
export function readIdentity(directory: string): Identity | undefined {
  const file = fileIn(directory);
  try {
    return Identity.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new FleetError("config_invalid", {
      message: "the device's identity cannot be read",
      hint: "Move the file aside and enrol the device again with a new token.",
      subject: file,
      where: { file },
      cause,
    });
  }
}

export function writeIdentity(directory: string, identity: Identity): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writePrivateFile(fileIn(directory), `${JSON.stringify(identity, undefined, 2)}\n`);
}

/** The hub's keys by their id, as openDesired wants them.
 *  @throws FleetError config_invalid */
export function trustedKeys(identity: Identity): ReadonlyMap<string, KeyObject> {
  try {
    const keys = identity.hubKeys.map((pem) => createPublicKey(pem));
    return new Map(keys.map((key) => [keyIdOf(key), key]));
  } catch (cause) {
    throw new FleetError("config_invalid", {
      message: "a pinned key of the hub is not a public key in PEM",
      hint: "Enrol the device again with a new token.",
      cause,
    });
  }
}

/** How the device proves itself to a broker. A client certificate would come from here as well. */
export function mqttLogin({ device, secret }: Identity) {
  return { clientId: device, username: device, password: secret };
}

/** How the device proves itself over HTTP (RFC 7617). */
export function httpAuthorization({ device, secret }: Identity): string {
  return `Basic ${Buffer.from(`${device}:${secret}`).toString("base64")}`;
}
