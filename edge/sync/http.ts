// The device's HTTP exchange with the hub: report, journal and heartbeat up, desired state down.
import type { z } from "zod";
import { FleetError } from "#shared/errors.ts";
import {
  type ReportRequest,
  ReportResponse,
  type ReturnRequest,
  ReturnResponse,
} from "#shared/gateway.ts";
import { wire } from "#shared/wire.ts";
import { httpAuthorization, type Identity } from "./identity.ts";
import { hubUnreachable } from "./unreachable.ts";

export interface Gateway {
  /** @throws FleetError hub_unreachable, unauthenticated, request_invalid */
  report(request: ReportRequest, signal: AbortSignal): Promise<ReportResponse>;
  /** @throws FleetError hub_unreachable, unauthenticated, request_invalid */
  giveBack(request: ReturnRequest, signal: AbortSignal): Promise<ReturnResponse>;
  /** The desired state unless it still has this tag; undefined when unchanged or when there is none.
   *  @throws FleetError hub_unreachable, unauthenticated, request_invalid, message_too_large */
  desired(tag: string | undefined, signal: AbortSignal): Promise<TaggedPayload | undefined>;
}

export interface TaggedPayload {
  tag: string | undefined;
  payload: Uint8Array;
}

interface Request {
  path: string;
  init: { method?: string; headers?: Record<string, string>; body?: string };
  signal: AbortSignal;
}

const maxAnswerBytes = 64 * 1024;

export function createGateway(options: {
  hubUrl: string;
  identity: Identity;
  timeoutMs: number;
}): Gateway {
  const { hubUrl, identity, timeoutMs } = options;
  const base = `${hubUrl.replace(/\/+$/, "")}/v1/devices/${identity.device}`;
  const authorization = httpAuthorization(identity);

  const ask = async ({ path, init, signal }: Request): Promise<Response> => {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const headers = { ...init.headers, authorization };
    return await fetch(`${base}${path}`, { ...init, headers, signal: deadline }).catch((cause) => {
      throw hubUnreachable(hubUrl, cause);
    });
  };

  const post = async (path: string, request: object, signal: AbortSignal): Promise<Buffer> => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(request) };
    const response = await ask({ path, init, signal });
    await expectOk(response, hubUrl);
    return readBounded(response, maxAnswerBytes, hubUrl);
  };

  return {
    report: async (request, signal) =>
      parse(ReportResponse, await post("/report", request, signal)),
    giveBack: async (request, signal) =>
      parse(ReturnResponse, await post("/return", request, signal)),
    desired: async (tag, signal) => {
      const headers = tag === undefined ? {} : { "if-none-match": tag };
      const response = await ask({ path: "/desired", init: { headers }, signal });
      if (response.status === 304 || response.status === 404) return discard(response);
      await expectOk(response, hubUrl);
      const payload = await readBounded(response, wire.desired.maxBytes, hubUrl);
      return { tag: response.headers.get("etag") ?? undefined, payload };
    },
  };
}

/** A body that nobody reads would hold its connection. */
async function discard(response: Response): Promise<undefined> {
  await response.body?.cancel();
  return undefined;
}

async function expectOk(response: Response, hubUrl: string): Promise<void> {
  if (response.ok) return;
  await discard(response);
  const { status } = response;
  if (status === 401 || status === 403) {
    throw new FleetError("unauthenticated", {
      message: `the hub ${hubUrl} does not accept this device's identity`,
      hint: "Enrol the device again with a new token.",
    });
  }
  if (status >= 500 || status === 429) throw hubUnreachable(hubUrl, undefined, `status ${status}`);
  throw new FleetError("request_invalid", {
    message: `the hub ${hubUrl} answers with status ${status}`,
    hint: "Check that the hub's address is right and that hub and agent have versions that fit.",
  });
}

/** Stops reading at the limit, so that no answer can fill the memory of a Pi. */
async function readBounded(response: Response, maxBytes: number, hubUrl: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw hubUnreachable(hubUrl, cause);
  }
  if (bytes <= maxBytes) return Buffer.concat(chunks);
  throw new FleetError("message_too_large", {
    message: `an answer of the hub has more than ${maxBytes} bytes`,
  });
}

function parse<S extends z.ZodType>(schema: S, body: Buffer): z.infer<S> {
  try {
    return schema.parse(JSON.parse(body.toString("utf8")));
  } catch (cause) {
    throw new FleetError("message_invalid", {
      message: "an answer of the hub is malformed",
      hint: "Check that the hub's address is right and that hub and agent have versions that fit.",
      cause,
    });
  }
}
