// Redeems a single-use token for this device's identity, over as many tries as the network needs.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { delayMs } from "#shared/backoff.ts";
import type { Clock } from "#shared/clock.ts";
import { type EnrolRequest, EnrolResponse } from "#shared/enrolment.ts";
import { FleetError } from "#shared/errors.ts";
import { DeviceId, type Labels } from "#shared/ids.ts";
import { writePrivateFile } from "./durable.ts";
import { type Identity, readIdentity, writeIdentity } from "./identity.ts";
import { hubUnreachable } from "./unreachable.ts";

interface RedeemOptions {
  /** Base address of the hub's HTTP API. */
  hubUrl: string;
  token: string;
  device: DeviceId;
  labels: Labels;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  /** Ends the waiting; without it the device tries until the hub answers. */
  signal?: AbortSignal;
  /** Called before each wait, so that a person sees why nothing happens. */
  onRetry?: (error: FleetError) => void;
}

interface EnrolOptions extends RedeemOptions {
  /** Where the identity is kept. */
  directory: string;
}

const requestTimeoutMs = 15_000;
const backoff = { baseMs: 1000, maxMs: 60_000 };

const Pending = z.strictObject({ device: DeviceId, nonce: z.string().min(16) });

/** The identity that this directory holds, or a new one.
 *  @throws FleetError token_invalid, request_invalid, interrupted, config_invalid */
export async function enrol(options: EnrolOptions): Promise<Identity> {
  const { directory, device } = options;
  const held = readIdentity(directory);
  if (held !== undefined) return kept(expectDevice(held, device, directory), directory);
  const pending = join(directory, "enrolment.json");
  const nonce = keepNonce(pending, directory, device);
  const identity = await redeem(options, nonce);
  writeIdentity(directory, identity);
  rmSync(pending, { force: true });
  return identity;
}

/** With the copy that is lacking or rotten; a disk that takes none is told of elsewhere. */
function kept(held: Identity, directory: string): Identity {
  try {
    writeIdentity(directory, held);
  } catch {
    // The one that could be read will do.
  }
  return held;
}

function expectDevice(held: Identity, device: DeviceId, directory: string): Identity {
  if (held.device === device) return held;
  throw new FleetError("config_invalid", {
    message: `${directory} holds the identity of ${held.device} and not of ${device}`,
    hint: "Use another data directory, or move the file device.json aside to enrol anew.",
    subject: directory,
  });
}

/** Kept before the first request: with the same nonce the hub gives the same token's identity again,
 *  so an answer lost on the way, or a power cut, does not burn the token. */
function keepNonce(file: string, directory: string, device: DeviceId): string {
  const kept = readPending(file);
  if (kept?.device === device) return kept.nonce;
  const nonce = randomBytes(32).toString("base64url");
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  writePrivateFile(file, JSON.stringify({ device, nonce }));
  return nonce;
}

function readPending(file: string): z.infer<typeof Pending> | undefined {
  try {
    return Pending.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Asks until the hub answers.
 *  @param nonce the same for every try of the same token
 *  @throws FleetError token_invalid, request_invalid, interrupted */
export async function redeem(options: RedeemOptions, nonce: string): Promise<Identity> {
  const { clock, random, signal } = options;
  for (let attempt = 0; ; attempt++) {
    const answer = await askOnce(options, nonce);
    if (!(answer instanceof FleetError)) return answer;
    if (answer.retry === "never") throw answer;
    options.onRetry?.(answer);
    await clock.sleep(delayMs(attempt, random(), backoff), signal);
    if (signal?.aborted) throw interrupted(answer);
  }
}

async function askOnce(options: RedeemOptions, nonce: string): Promise<Identity | FleetError> {
  const { hubUrl, token, device, labels, signal } = options;
  const body: EnrolRequest = { token, device, labels, nonce };
  const deadline = AbortSignal.timeout(requestTimeoutMs);
  try {
    const response = await fetch(`${hubUrl.replace(/\/+$/, "")}/v1/enroll`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    });
    if (!response.ok) return refusalOf(response, options);
    return EnrolResponse.parse(await response.json());
  } catch (cause) {
    return hubUnreachable(hubUrl, cause);
  }
}

async function refusalOf(response: Response, { hubUrl, device }: RedeemOptions) {
  await response.body?.cancel();
  const { status } = response;
  if (status >= 500 || status === 429) return hubUnreachable(hubUrl, undefined, `status ${status}`);
  if (status === 401 || status === 403 || status === 410) {
    return new FleetError("token_invalid", {
      message: `the hub ${hubUrl} does not accept the enrolment token for ${device}`,
      hint: "Make a new token on the hub: each can be used once, by one device, for a limited time.",
      subject: device,
    });
  }
  return new FleetError("request_invalid", {
    message: `the hub ${hubUrl} refuses the enrolment of ${device} with status ${status}`,
    hint: "Check the hub's address, the device's id and its labels.",
    subject: device,
  });
}

function interrupted(cause: FleetError): FleetError {
  return new FleetError("interrupted", { message: "the enrolment was stopped", cause });
}
