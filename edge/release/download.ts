// Downloads a bundle over HTTP and goes on where an earlier try stopped.
import { open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { FleetError } from "#shared/errors.ts";
import { ifPresent } from "#shared/files.ts";
import { diskError } from "./disk.ts";

export interface DownloadOptions {
  /** Base address of the hub; bundles are at `v1/bundles/<digest>` below it. */
  hubUrl: string;
  /** Asked for each request, e.g. `{ authorization: "Basic …" }`. */
  headers: () => Record<string, string>;
  /** Ms without a byte after which the connection counts as dead; 15 000 by default. */
  idleMs?: number;
  fetch?: typeof fetch;
}

/** A request that a partition has swallowed is given up so soon that the device converges within 30 s of the
 *  healing; the next one goes on where it stopped. */
const defaultIdleMs = 15_000;

export interface Transfer {
  digest: string;
  sizeBytes: number;
  /** Where the bytes go; kept when the transfer is cut. */
  part: string;
  tagFile: string;
  onBytes?: ((length: number) => void) | undefined;
  /** Asked now and then with the length so far.
   *  @throws FleetError disk_short */
  requireRoom?: (length: number) => Promise<void>;
  signal?: AbortSignal | undefined;
}

/** Returns once the server has sent all it has. Whether that is the bundle is for `verify` to say; one
 *  byte more than the bundle's size is enough to say no, so an endless body ends there.
 *  @throws FleetError bundle_unreachable, interrupted, disk_short
 *  @see RFC 9110, sections 13.1.5 (If-Range) and 14 (Range) */
export async function download(transfer: Transfer, options: DownloadOptions): Promise<void> {
  const have = (await ifPresent(stat(transfer.part)))?.size ?? 0;
  if (have >= transfer.sizeBytes && have > 0) return;
  const watch = watchIdle(options.idleMs ?? defaultIdleMs, transfer.signal);
  try {
    await transferFrom(have, { transfer, options, watch });
  } catch (error) {
    throw classified(error, { transfer, watch });
  } finally {
    watch.end();
  }
}

interface Context {
  transfer: Transfer;
  options: DownloadOptions;
  watch: IdleWatch;
}

async function transferFrom(have: number, context: Context): Promise<void> {
  const response = await request(have, context);
  const start = startOf(response, have);
  if (start !== undefined) return await save(response, start, context);
  await response.body?.cancel();
  if (have === 0) throw refused(response.status, context.transfer);
  await rm(context.transfer.part, { force: true });
  await transferFrom(0, context);
}

async function request(have: number, { transfer, options, watch }: Context): Promise<Response> {
  const base = options.hubUrl.endsWith("/") ? options.hubUrl : `${options.hubUrl}/`;
  const headers = { ...options.headers(), "accept-encoding": "identity" };
  const range = have > 0 ? await rangeHeaders(have, transfer.tagFile) : {};
  const response = await (options.fetch ?? fetch)(new URL(`v1/bundles/${transfer.digest}`, base), {
    headers: { ...headers, ...range },
    signal: watch.signal,
  });
  watch.alive();
  if (response.ok || response.status === 416) return response;
  await response.body?.cancel();
  throw refused(response.status, transfer);
}

async function rangeHeaders(have: number, tagFile: string): Promise<Record<string, string>> {
  const tag = await ifPresent(readFile(tagFile, "utf8"));
  const range = { range: `bytes=${have}-` };
  return tag === undefined || tag === "" ? range : { ...range, "if-range": tag };
}

/** Where the answer's body belongs in the file; undefined when it does not fit to what is there. */
function startOf(response: Response, have: number): number | undefined {
  if (response.status === 200) return 0;
  if (response.status !== 206) return undefined;
  const range = /^bytes (\d+)-/.exec(response.headers.get("content-range") ?? "");
  return Number(range?.[1]) === have ? have : undefined;
}

async function save(response: Response, start: number, context: Context): Promise<void> {
  const { transfer, watch } = context;
  const onDisk = <T>(call: Promise<T>): Promise<T> =>
    call.catch((error: unknown) => {
      throw diskError(error, transfer.part);
    });
  const handle = await onDisk(open(transfer.part, start === 0 ? "w" : "a"));
  try {
    if (start === 0) await onDisk(writeFile(transfer.tagFile, strongTag(response)));
    let length = start;
    let asked = start;
    for await (const chunk of response.body ?? []) {
      watch.alive();
      const kept = chunk.subarray(0, transfer.sizeBytes + 1 - length);
      await onDisk(handle.appendFile(kept));
      length += kept.byteLength;
      transfer.onBytes?.(length);
      if (length - asked >= askEveryBytes) {
        asked = length;
        await transfer.requireRoom?.(length);
      }
      if (length > transfer.sizeBytes) break;
    }
  } finally {
    await handle.close();
  }
}

const askEveryBytes = 4_000_000;

/** A weak tag does not promise equal bytes, so it may not guard a range. */
function strongTag(response: Response): string {
  const tag = response.headers.get("etag") ?? "";
  return tag.startsWith('"') ? tag : "";
}

interface IdleWatch {
  signal: AbortSignal;
  idleMs: number;
  expired(): boolean;
  alive(): void;
  end(): void;
}

function watchIdle(idleMs: number, outer: AbortSignal | undefined): IdleWatch {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(), idleMs);
  return {
    signal: outer === undefined ? idle.signal : AbortSignal.any([outer, idle.signal]),
    idleMs,
    expired: () => idle.signal.aborted,
    alive: () => timer.refresh(),
    end: () => clearTimeout(timer),
  };
}

function refused(status: number, transfer: Transfer): FleetError {
  const hints: Record<number, string> = {
    401: "Check that this device is still enrolled at the hub.",
    403: "Check that this device is still enrolled at the hub.",
    404: "Check that the hub still has this release.",
  };
  const hint = hints[status];
  return new FleetError("bundle_unreachable", {
    message: `the hub answered ${status} when asked for release ${transfer.digest.slice(0, 12)}`,
    subject: transfer.digest,
    ...(hint === undefined ? {} : { hint }),
  });
}

function classified(error: unknown, context: Omit<Context, "options">): FleetError {
  const { transfer, watch } = context;
  if (error instanceof FleetError) return error;
  const subject = transfer.digest;
  const release = `release ${subject.slice(0, 12)}`;
  if (transfer.signal?.aborted === true) {
    const message = `the download of ${release} was interrupted`;
    return new FleetError("interrupted", { message, subject, cause: error });
  }
  const why = watch.expired()
    ? `the hub sent nothing for ${watch.idleMs / 1000} s`
    : `the connection broke (${reasonOf(error)})`;
  return new FleetError("bundle_unreachable", {
    message: `${why} during the download of ${release}`,
    subject,
    cause: error,
  });
}

/** The innermost cause says more than fetch's own "fetch failed" and "terminated". */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause instanceof Error) return reasonOf(error.cause);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
