// A real HTTP server with the devices' routes, and a small hub behind it.
import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { basicAuth } from "hono/basic-auth";
import { specHash } from "#shared/desired.ts";
import { desiredTag, ReportRequest, type ReportResponse } from "#shared/gateway.ts";
import type { JournalBatch, JournalEntry } from "#shared/journal.ts";
import { desiredState, deviceId, seal, secret } from "./fixture.ts";

export interface TestGateway {
  url: string;
  reports: ReportRequest[];
  /** Status of each answer to `GET …/desired`. */
  fetches: number[];
  stored: Map<number, JournalEntry>;
  /** What the next answers are, instead of the true ones. */
  fault: { status: number; body?: string } | undefined;
  desire(generation: number): void;
  stop(): Promise<void>;
}

export async function startGateway(): Promise<TestGateway> {
  let generation: number | undefined;
  const app = new Hono();
  const gateway: TestGateway = {
    url: "",
    reports: [],
    fetches: [],
    stored: new Map(),
    fault: undefined,
    desire: (next) => {
      generation = next;
    },
    stop: () => stop(server),
  };
  const tag = (): string | undefined =>
    generation === undefined
      ? undefined
      : desiredTag(generation, specHash(desiredState(generation)));
  app.use(basicAuth({ username: deviceId, password: secret }));
  app.use(async (c, next) => {
    const { fault } = gateway;
    if (fault === undefined) return await next();
    return c.body(fault.body ?? "", fault.status as 500);
  });
  app.post(`/v1/devices/${deviceId}/report`, async (c) => {
    const request = ReportRequest.parse(await c.req.json());
    gateway.reports.push(request);
    const desired = tag();
    const ack = request.journal === undefined ? {} : { ack: store(gateway, request.journal) };
    return c.json<ReportResponse>({ ...ack, ...(desired === undefined ? {} : { desired }) });
  });
  app.get(`/v1/devices/${deviceId}/desired`, (c) => {
    const status = statusOf(generation, c.req.header("if-none-match") === tag());
    gateway.fetches.push(status);
    if (generation === undefined || status !== 200) return c.body(null, status);
    c.header("etag", tag() ?? "");
    return c.json(seal(desiredState(generation)));
  });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  gateway.url = `http://127.0.0.1:${port}`;
  return gateway;
}

function statusOf(generation: number | undefined, unchanged: boolean): 200 | 304 | 404 {
  if (generation === undefined) return 404;
  return unchanged ? 304 : 200;
}

function store({ stored }: TestGateway, batch: JournalBatch) {
  const highest = Math.max(0, ...stored.keys());
  if (batch.from <= highest + 1) for (const entry of batch.entries) stored.set(entry.seq, entry);
  return { epoch: batch.epoch, seq: Math.max(0, ...stored.keys()) };
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}
