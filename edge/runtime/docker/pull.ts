// Fetches one image and makes sure afterwards that it is there, whatever the pull said.
import type { Credentials, ImageDetail, PullLine } from "#edge/runtime/docker/calls/api.ts";
import { interrupted, statusOf } from "#edge/runtime/docker/calls/faults.ts";
import type { Runtime } from "#edge/runtime/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { Engine } from "./engine.ts";
import { createProgress } from "./progress.ts";
import { fullName, imageMissing, parseReference, type Reference, versionOf } from "./reference.ts";

export type PullOptions = Parameters<Runtime["pull"]>[1];

export interface Puller {
  engine: Engine;
  /** Logins by registry host. */
  registries: Readonly<Record<string, Credentials>>;
  /** Ms without a line after which a pull is given up; there is no limit to the whole. */
  idleMs: number;
}

/** @see the port, `pull` */
export async function pullImage(
  puller: Puller,
  image: string,
  options: PullOptions,
): Promise<void> {
  const reference = parseReference(image);
  const local = await puller.engine.inspectImage(image);
  const usable = local !== undefined && isPlatform(local, options.platform);
  if (options.policy !== "always" && usable) return;
  if (options.policy === "never") throw imageMissing(image);
  await transfer(puller, image, reference, options);
  checkArrived(image, reference, await puller.engine.inspectImage(image), options.platform);
}

async function transfer(
  puller: Puller,
  image: string,
  reference: Reference,
  options: PullOptions,
): Promise<void> {
  try {
    await follow(puller, reference, options);
  } catch (error) {
    if (options.signal?.aborted === true || !isRegistryFault(error)) throw error;
    throw await pullFault(puller, image, reference, error);
  }
}

async function follow(puller: Puller, reference: Reference, options: PullOptions): Promise<void> {
  const idle = createIdleLimit(puller.idleMs);
  const signal = AbortSignal.any([idle.signal, ...(options.signal ? [options.signal] : [])]);
  const progress = createProgress(options.onProgress ?? (() => undefined));
  const image = { name: reference.name, tag: versionOf(reference) };
  const { platform } = options;
  const credentials = puller.registries[reference.host];
  try {
    const request = { platform, credentials, limitMs: puller.idleMs, signal };
    for await (const line of await puller.engine.pullImage(image, request)) {
      idle.touch();
      throwIfError(line);
      progress.note(line);
    }
  } catch (error) {
    if (options.signal?.aborted === true) throw interrupted(`pull ${image.name}`);
    throw idle.signal.aborted ? stalled(image.name, puller.idleMs) : brokenOff(image.name, error);
  } finally {
    idle.end();
  }
}

/** The registry refused, or the bytes were wrong: said by the Engine after the pull had begun. */
class PullError extends Error {
  override readonly name = "PullError";
  readonly status: number | undefined;

  constructor(message: string, status: number | undefined) {
    super(message);
    this.status = status;
  }
}

function throwIfError({ error, errorDetail }: PullLine): void {
  const message = errorDetail?.message ?? error;
  if (message !== undefined) throw new PullError(message, errorDetail?.code);
}

/** The connection to the Engine broke in the middle of the stream: nothing is said about the image. */
function brokenOff(name: string, error: unknown): unknown {
  if (error instanceof FleetError || error instanceof PullError) return error;
  return new FleetError("runtime_unavailable", {
    message: `the Docker Engine broke off the pull of ${name}`,
    cause: error,
  });
}

function stalled(name: string, idleMs: number): FleetError {
  return new FleetError("registry_unreachable", {
    message: `the pull of ${name} made no progress for ${idleMs / 1000} s`,
    hint: "Check the device's way to the registry.",
  });
}

/** Everything that the Engine said about the image, as against not being reached or not answering. */
function isRegistryFault(error: unknown): boolean {
  return error instanceof PullError || statusOf(error) !== undefined;
}

/** The Engine answers 500 with mere text for most registry faults; the registry's own status decides. */
async function pullFault(
  puller: Puller,
  image: string,
  reference: Reference,
  error: unknown,
): Promise<FleetError> {
  const said = error instanceof PullError ? error.status : statusOf(error);
  const byPull = byStatus(image, said, error);
  if (byPull !== undefined) return byPull;
  const found = await probe(puller, reference, puller.registries[reference.host]);
  if (found === "there") return corrupt(image, error);
  const byRegistry = byStatus(image, found, error);
  if (byRegistry !== undefined) return byRegistry;
  if (puller.registries[reference.host] === undefined && (await wantsLogin(puller, reference))) {
    return denied(image, error);
  }
  return unreachable(image, reference, error);
}

/** A registry that wants a login makes the Engine answer 500 when it has none; with any login at all the
 *  answer is the registry's 401. */
async function wantsLogin(puller: Puller, reference: Reference): Promise<boolean> {
  const found = await probe(puller, reference, { username: "anonymous", password: "anonymous" });
  return found === 401 || found === 403;
}

async function probe(
  puller: Puller,
  reference: Reference,
  credentials: Credentials | undefined,
): Promise<"there" | number> {
  return puller.engine.probeImage(fullName(reference), credentials).then(
    () => "there",
    (error: unknown) => {
      const status = statusOf(error);
      if (status === undefined) throw error;
      return status;
    },
  );
}

function byStatus(image: string, status: number | undefined, cause: unknown) {
  if (status === 404) return imageMissing(image, cause);
  return status === 401 || status === 403 ? denied(image, cause) : undefined;
}

function denied(image: string, cause: unknown): FleetError {
  return new FleetError("image_denied", {
    message: `the registry does not give image ${image} to this device`,
    hint: "Check the device's login for this registry.",
    subject: image,
    cause,
  });
}

function corrupt(image: string, cause: unknown): FleetError {
  return new FleetError("image_corrupt", {
    message: `image ${image} did not arrive whole: ${textOf(cause)}`,
    subject: image,
    cause,
  });
}

function unreachable(image: string, reference: Reference, cause: unknown): FleetError {
  return new FleetError("registry_unreachable", {
    message: `the registry ${reference.host} could not be asked for image ${image}: ${textOf(cause)}`,
    hint: "Check the device's way to the registry.",
    subject: image,
    cause,
  });
}

function textOf(error: unknown): string {
  const cause = error instanceof FleetError ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}

function checkArrived(
  image: string,
  reference: Reference,
  found: ImageDetail | undefined,
  platform: string | undefined,
): void {
  if (found === undefined) throw corrupt(image, new Error("the pull ended without it"));
  const wanted = reference.digest;
  const digests = (found.RepoDigests ?? []).map((name) => name.split("@")[1]);
  if (wanted !== undefined && !digests.includes(wanted)) {
    throw corrupt(image, new Error(`its digest is ${digests.join(", ") || "unknown"}`));
  }
  if (!isPlatform(found, platform)) {
    throw corrupt(image, new Error(`it is for ${found.Os}/${found.Architecture}`));
  }
}

/** `linux/arm64`, `linux/arm/v7` or only `arm64`; a variant counts when both sides name one. */
function isPlatform(image: ImageDetail, platform: string | undefined): boolean {
  if (platform === undefined) return true;
  const parts = platform.split("/");
  const [os, architecture, variant] = parts.length === 1 ? ["linux", ...parts] : parts;
  const sameVariant = variant === undefined || !image.Variant || image.Variant === variant;
  return image.Os === os && image.Architecture === architecture && sameVariant;
}

interface IdleLimit {
  signal: AbortSignal;
  touch(): void;
  end(): void;
}

function createIdleLimit(idleMs: number): IdleLimit {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), idleMs);
  return {
    signal: controller.signal,
    touch: () => void timer.refresh(),
    end: () => clearTimeout(timer),
  };
}
