// The device's exchange over HTTP: fetch the desired state, send reports.
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { messageOf } from "#hub/resurrect/message.ts";
import { FleetError } from "#shared/errors.ts";
import { desiredTag, type ReportRequest, type ReportResponse } from "#shared/gateway.ts";
import type { DeviceId } from "#shared/ids.ts";
import { done, json, reads, responses, taggedText } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import type { DesiredSource, MemoSource, ReportSink } from "./ports.ts";
import {
  DesiredMessageSchema,
  DeviceParams,
  ReportRequestSchema,
  ReportResponseSchema,
} from "./schema.ts";

const desiredRoute = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/devices/{id}/desired",
    operationId: "getDesired",
    tags: ["Devices' own routes"],
    summary: "Gives the signed desired state",
    description: 'The ETag is `"<generation>-<spec hash>-<memo version>"`.',
    security: [{ device: [] }, { operator: [] }],
    middleware: guards.any,
    request: { params: DeviceParams },
    responses: reads(
      "The envelope, and beside it the hub's memo, which the device keeps.",
      DesiredMessageSchema,
    ),
  });

const reportRoute = (guards: Guards) =>
  createRoute({
    method: "post",
    path: "/v1/devices/{id}/report",
    operationId: "report",
    tags: ["Devices' own routes"],
    summary: "Takes a heartbeat, a reported state and a journal batch",
    security: [{ device: [] }],
    middleware: guards.device,
    request: {
      params: DeviceParams,
      body: { required: true, content: { "application/json": { schema: ReportRequestSchema } } },
    },
    responses: responses({ 200: json("What is stored and what is wanted.", ReportResponseSchema) }),
  });

export function gatewayRoutes(options: {
  desired: DesiredSource;
  memos: MemoSource;
  reports: ReportSink;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { desired, memos, reports, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(desiredRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    const row = await desired.current(id);
    if (row === null) throw noDesired(id);
    const memo = memos.of(id);
    const tag = desiredTag(row.generation, row.specHash, memo?.version);
    const message = messageOf(row.envelope, memo);
    return taggedText(c, JSON.stringify(message), "application/json", tag);
  });
  app.openapi(reportRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    const report = c.req.valid("json");
    assertOwn(report, id);
    const ack = await reports.accept(id, report);
    const row = await desired.current(id);
    return done<ReportResponse>({
      ...(ack === undefined ? {} : { ack }),
      ...(row === null
        ? {}
        : { desired: desiredTag(row.generation, row.specHash, memos.of(id)?.version) }),
    });
  });
  return app;
}

function noDesired(id: DeviceId): FleetError {
  const message = `device "${id}" has no desired state yet`;
  return new FleetError("not_found", { message, subject: id });
}

function assertOwn({ reported }: ReportRequest, id: DeviceId): void {
  if (reported === undefined || reported.device === id) return;
  const message = `body.reported.device: is "${reported.device}", but the path says "${id}"`;
  throw new FleetError("request_invalid", { message, subject: id });
}
