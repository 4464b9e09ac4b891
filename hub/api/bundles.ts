// Bundles: immutable files by digest, with ranges so that a broken download goes on where it stopped.
import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId, Digest } from "#shared/ids.ts";
import { isCurrent, responses } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import type { BundleFile, BundleSource, DesiredSource } from "./ports.ts";
import { sendProblem } from "./problem.ts";
import { type ByteRange, rangeOf } from "./range.ts";
import { noRelease } from "./releases.ts";
import { DigestParams } from "./schema.ts";

const tar = { "application/x-tar": { schema: { type: "string", format: "binary" } as const } };

const route = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/bundles/{digest}",
    operationId: "getBundle",
    tags: ["Devices' own routes"],
    summary: "Gives a release's bundle, whole or in part",
    description: "A device may fetch only what its own desired state names.",
    security: [{ device: [] }, { operator: [] }],
    middleware: guards.any,
    request: { params: DigestParams },
    responses: responses({
      200: { description: "The whole bundle.", content: tar },
      206: { description: "The part named by Range.", content: tar },
      304: { description: "The client's copy is current." },
    }),
  });

export function bundleRoutes(options: {
  bundles: BundleSource;
  desired: DesiredSource;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { bundles, desired, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route(guards), async (c) => {
    const { digest } = c.req.valid("param");
    const principal = c.get("principal");
    if (principal.kind === "device") await assertWanted(desired, principal.id, digest);
    const file = await bundles.open(digest);
    if (file === null) throw noRelease(digest);
    return sendFile(c, file, `"${digest}"`);
  });
  return app;
}

async function assertWanted(
  desired: DesiredSource,
  device: DeviceId,
  digest: Digest,
): Promise<void> {
  const { apps = [], safeStack } = (await desired.current(device))?.content ?? {};
  if (apps.some(({ release }) => release.digest === digest)) return;
  if (safeStack?.release.digest === digest) return;
  const message = `the desired state of ${device} does not name this release`;
  throw new FleetError("forbidden", { message, subject: digest });
}

async function sendFile(c: Context, file: BundleFile, tag: string): Promise<Response> {
  const headers = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, max-age=31536000, immutable",
    ETag: tag,
  };
  if (isCurrent(c.req.header("if-none-match"), tag)) {
    return new Response(null, { status: 304, headers });
  }
  const range = isRangeOfSame(c, tag) ? rangeOf(c.req.header("range"), file.sizeBytes) : "whole";
  if (range === "unsatisfiable") return notThere(c, file);
  const { start, end } = range === "whole" ? { start: 0, end: file.sizeBytes - 1 } : range;
  const part = { "Content-Range": `bytes ${start}-${end}/${file.sizeBytes}` };
  return new Response(await contentOf(c, file, { start, end }), {
    status: range === "whole" ? 200 : 206,
    headers: {
      ...headers,
      "Content-Type": "application/x-tar",
      "Content-Length": String(end - start + 1),
      ...(range === "whole" ? {} : part),
    },
  });
}

/** RFC 9110, section 13.1.5: a range counts only while If-Range names this very representation. */
function isRangeOfSame(c: Context, tag: string): boolean {
  const condition = c.req.header("if-range");
  return condition === undefined || condition === tag;
}

function notThere(c: Context, { sizeBytes }: BundleFile): Response {
  const detail = `the bundle has ${sizeBytes} bytes and none where the range begins`;
  const headers = { "Content-Range": `bytes */${sizeBytes}` };
  return sendProblem(c, { code: "range_unsatisfiable", detail }, headers);
}

/** Opened before the answer begins, so that a missing file is an error and not a broken body. */
async function contentOf(
  c: Context,
  { path, sizeBytes }: BundleFile,
  range: ByteRange,
): Promise<ReadableStream | null> {
  const file = await open(path);
  if (c.req.method === "HEAD" || sizeBytes === 0) {
    await file.close();
    return null;
  }
  return Readable.toWeb(streamOf(file, range)) as ReadableStream;
}

function streamOf(file: FileHandle, { start, end }: ByteRange): Readable {
  return file.createReadStream({ start, end, autoClose: true });
}
