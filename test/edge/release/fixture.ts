// Bundles, specs and a bundle server for the release store's tests.
import { createHash } from "node:crypto";
import { mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Header } from "tar";
import { createReleaseStore, type ReleaseStoreOptions } from "#edge/release/store.ts";
import { systemClock } from "#shared/clock.ts";
import { AppSpec } from "#shared/desired.ts";

type EntryType =
  NonNullable<ConstructorParameters<typeof Header>[0]> extends infer D
    ? D extends { type?: infer T }
      ? T
      : never
    : never;

export interface TarEntry {
  path: string;
  content?: string | Buffer;
  mode?: number;
  type?: EntryType;
  linkpath?: string;
}

/** A tar, hostile ones too: nothing is checked or normalised. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => {
    const { path, mode = 0o644, type = "File", linkpath } = entry;
    const content = Buffer.from(entry.content ?? "");
    const header = new Header({
      path,
      mode,
      size: content.length,
      type,
      ...(linkpath === undefined ? {} : { linkpath }),
    } as ConstructorParameters<typeof Header>[0]);
    const block = Buffer.alloc(512);
    if (header.encode(block, 0)) throw new Error(`${path} needs an extended header`);
    return [block, content, Buffer.alloc((512 - (content.length % 512)) % 512)];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

export const plainCompose = "services:\n  web:\n    image: web:1\n";

export function roleTar(files: Record<string, string> = {}): Buffer {
  const all = { "compose.yaml": plainCompose, ...files };
  return tarOf(Object.entries(all).map(([path, content]) => ({ path, content })));
}

export function sha256Of(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function specOf(
  bundle: Buffer,
  fields: { name?: string; values?: Record<string, string>; commit?: string } = {},
): AppSpec {
  return AppSpec.parse({
    name: fields.name ?? "web",
    release: {
      digest: sha256Of(bundle),
      size: bundle.length,
      role: "web",
      commit: fields.commit ?? "a".repeat(40),
      branch: "main",
    },
    values: fields.values ?? {},
    policy: { gracePeriodMs: 5000, stableMs: 0 },
  });
}

/** A directory that is gone at the end of the block. */
export function scratch(): { path: string } & Disposable {
  const path = realpathSync(mkdtempSync(join(tmpdir(), "fleet-release-")));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface BundleServer extends AsyncDisposable {
  url: string;
  requests: IncomingMessage[];
  /** Replaces the answer of the next request only. */
  next(answer: Answer): void;
}

/** Serves the bundles by digest, with Range and ETag, as the hub does. */
export async function serveBundles(...bundles: Buffer[]): Promise<BundleServer> {
  const byDigest = new Map(bundles.map((bytes) => [sha256Of(bytes), bytes]));
  const requests: IncomingMessage[] = [];
  const queue: Answer[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const answer = queue.shift() ?? ((q, r) => answerFrom(byDigest, q, r));
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    next: (answer) => queue.push(answer),
    [Symbol.asyncDispose]: () => closed(server),
  };
}

function answerFrom(
  bundles: ReadonlyMap<string, Buffer>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const digest = /^\/v1\/bundles\/([0-9a-f]{64})$/.exec(request.url ?? "")?.[1] ?? "";
  const bytes = bundles.get(digest);
  if (bytes === undefined) {
    response.writeHead(404).end();
    return;
  }
  const etag = `"${digest}"`;
  const from = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
  const condition = request.headers["if-range"];
  if (from === undefined || (condition !== undefined && condition !== etag)) {
    response.writeHead(200, { etag, "content-length": bytes.length }).end(bytes);
    return;
  }
  const start = Number(from);
  if (start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  const range = `bytes ${start}-${bytes.length - 1}/${bytes.length}`;
  response.writeHead(206, { etag, "content-range": range, "content-length": bytes.length - start });
  response.end(bytes.subarray(start));
}

async function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Sends the first bytes of the body it promises, and drops the connection once they are in the part: what has
 *  come and was not yet read goes with the connection. */
export function cutAfter(bytes: Buffer, count: number, part: string): Answer {
  return (_request, response) => {
    response.writeHead(200, { etag: `"${sha256Of(bytes)}"`, "content-length": bytes.length });
    response.write(bytes.subarray(0, count));
    const sizeOfPart = (): number => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
    const timer = setInterval(() => void (sizeOfPart() >= count && response.destroy()), 5);
    response.on("close", () => clearInterval(timer));
  };
}

export function storeAt(
  directory: string,
  hubUrl: string,
  options: Partial<ReleaseStoreOptions> & { idleMs?: number } = {},
): ReturnType<typeof createReleaseStore> {
  const { idleMs = 30_000, ...rest } = options;
  return createReleaseStore({
    directory,
    download: { hubUrl, headers: () => ({ authorization: "Basic cGk6c2VjcmV0" }), idleMs },
    clock: systemClock,
    reserveBytes: 0,
    ...rest,
  });
}

/** Everything before `swap`, from a server that lives only as long. */
export async function stageFrom(
  store: ReturnType<typeof createReleaseStore>,
  spec: AppSpec,
): Promise<void> {
  await store.fetch(spec.release, {});
  await store.verify(spec.release);
  await store.stage(spec);
}
