// Who this device is to the hub: the file that enrolment leaves, and what each way to the hub needs of it.
import { createPublicKey, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { EnrolResponse } from "#shared/enrolment.ts";
import { keyIdOf } from "#shared/envelope.ts";
import { FleetError } from "#shared/errors.ts";
import { errnoOf } from "#shared/files.ts";
import { writePrivateFile } from "./durable.ts";

export const Identity = z.strictObject(EnrolResponse.shape);
export type Identity = z.infer<typeof Identity>;

function fileIn(directory: string): string {
  return join(directory, "device.json");
}

/** One bad sector under the one secret would cost the device its fleet, and someone a journey. */
function copyIn(directory: string): string {
  return join(directory, "device.json.copy");
}

/** Undefined when the device was never enrolled, or somebody has moved its file aside to enrol it anew.
 *  @throws FleetError config_invalid for a file that is there and cannot be used, nor its copy */
export function readIdentity(directory: string): Identity | undefined {
  const file = fileIn(directory);
  try {
    return readFrom(file);
  } catch (cause) {
    if (errnoOf(cause) === "ENOENT") return undefined;
    const copy = readCopy(directory);
    if (copy !== undefined) return copy;
    throw new FleetError("config_invalid", {
      message: "the device's identity cannot be read",
      hint: "Move the file aside and enrol the device again with a new token.",
      subject: file,
      where: { file },
      cause,
    });
  }
}

function readFrom(file: string): Identity {
  return Identity.parse(JSON.parse(readFileSync(file, "utf8")));
}

function readCopy(directory: string): Identity | undefined {
  try {
    return readFrom(copyIn(directory));
  } catch {
    return undefined;
  }
}

/** Twice; what is as it should be is not written again. */
export function writeIdentity(directory: string, identity: Identity): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(identity, undefined, 2)}\n`;
  for (const file of [fileIn(directory), copyIn(directory)]) {
    if (textOf(file) !== text) writePrivateFile(file, text);
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
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
