// Runs of plans: ordered, looked at, cancelled, and their logs.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Bus } from "#hub/bus.ts";
import { createRunLogReader } from "#hub/run/log_reader.ts";
import type { Run } from "#hub/run/model.ts";
import { stepsOf } from "#hub/run/steps.ts";
import { unknownRun } from "#hub/run/words.ts";
import type { Store } from "#hub/store/port.ts";
import { DeviceId, ValueName } from "#shared/ids.ts";
import { PlanName } from "#shared/plan.ts";
import { RequestId, RunId } from "#shared/run.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import { logResponse } from "./log_stream.ts";
import type { RunControl } from "./ports.ts";
import {
  RunList,
  RunStateSchema,
  type RunSummary,
  RunView,
  runSummary,
  runView,
} from "./run_view.ts";
import { type ListOf, PageQuery, Reason, wellFormed } from "./schema.ts";

const RunParams = z.object({ id: RunId });

const RunRequest = component(
  "RunRequest",
  z.strictObject({
    device: DeviceId,
    plan: PlanName,
    request: RequestId.meta({
      description: "Names this wish: the same one again gives the same run, and never a second.",
    }),
    parameters: z
      .record(
        ValueName,
        z
          .string()
          .max(1000)
          .refine(...wellFormed),
      )
      .default({})
      .meta({ description: "Those that the plan names." }),
    reason: Reason,
  }),
);
const CancelRequest = component("RunCancelRequest", z.strictObject({ reason: Reason }));

const RunLogLine = z.object({
  at: z.int().meta({ description: "Unix ms by the device's clock." }),
  index: z.int().meta({ description: "Of the step, from 0." }),
  stream: z.enum(["stdout", "stderr", "agent"]),
  text: z.string().meta({ description: "Whole lines, as far as they fit." }),
  isCut: z.literal(true).exactOptional().meta({ description: "What followed was not kept." }),
});
const RunLog = component(
  "RunLog",
  z.object({
    items: z.array(RunLogLine),
    cursor: z.string().nullable().meta({ description: "For what comes after these." }),
    hasMore: z.boolean().meta({ description: "Whether there is more now." }),
  }),
);
type RunLog = z.infer<typeof RunLog>;

const LogQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  cursor: z.string().max(512).optional().meta({ description: "`cursor` of the page before." }),
  follow: z.enum(["true", "false"]).default("false").meta({
    description: "Of a stream: it goes on until the run is over.",
  }),
  tail: z.coerce.number().int().min(0).max(10_000).default(10_000).meta({
    description: "Of a stream: so many lines from before, at most.",
  }),
});

const common = (guards: Guards) => ({
  tags: ["Runs"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const listRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/runs",
    operationId: "listRuns",
    summary: "Lists runs, newest first: who ordered what, when, and what became of it",
    request: {
      query: PageQuery.extend({
        device: DeviceId.optional(),
        plan: PlanName.optional(),
        state: RunStateSchema.optional(),
      }),
    },
    responses: reads("A page of runs.", RunList),
  });

const itemRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/runs/{id}",
    operationId: "getRun",
    summary: "Shows a run with each of its steps",
    request: { params: RunParams },
    responses: reads("The run.", RunView),
  });

const orderRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/runs",
    operationId: "orderRun",
    summary: "Runs a plan on a device",
    description: `A device has one run at a time; a second one is a conflict that names the first. The same
\`request\` with another body is refused with 422.`,
    request: { body: { required: true, content: { "application/json": { schema: RunRequest } } } },
    responses: responses({
      200: json("The run that this request gave before.", RunView),
      201: json("The run; the device gets it as it connects.", RunView),
    }),
  });

const cancelRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/runs/{id}/cancel",
    operationId: "cancelRun",
    summary: "Cancels a run at once; the device is in maintenance then and needs intervention",
    description: "As often as one likes: a run that was cancelled stays as it is.",
    request: {
      params: RunParams,
      body: { required: true, content: { "application/json": { schema: CancelRequest } } },
    },
    responses: responses({ 200: json("The run as it is now.", RunView) }),
  });

const logRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/runs/{id}/log",
    operationId: "getRunLog",
    summary: "Gives the output of a run, as pages or as a stream",
    description: `With \`Accept: text/event-stream\` or \`text/plain\` a stream as of the logs of a device; otherwise a
page.`,
    request: { params: RunParams, query: LogQuery },
    responses: responses({
      200: {
        description: "A page, or the stream.",
        content: {
          "application/json": { schema: RunLog },
          "text/event-stream": { schema: { type: "string" } },
          "text/plain": { schema: { type: "string" } },
        },
      },
    }),
  });

export function runRoutes(options: {
  store: Pick<Store, "run" | "runs" | "runEntries" | "runLog">;
  bus: Bus;
  runs: Pick<RunControl, "order" | "cancel">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, bus, runs, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  const known = async (id: RunId): Promise<Run> => {
    const run = await store.run(id);
    if (run === null) throw unknownRun(id);
    return run;
  };
  const viewOf = async (run: Run): Promise<RunView> =>
    runView(run, stepsOf(run, await store.runEntries(run)));
  app.openapi(listRoute(guards), async (c) => {
    const { limit, cursor, device, plan, state } = c.req.valid("query");
    const page = await store.runs({
      limit,
      ...(cursor === undefined ? {} : { cursor }),
      ...(device === undefined ? {} : { device }),
      ...(plan === undefined ? {} : { plan }),
      ...(state === undefined ? {} : { state }),
    });
    return tagged<ListOf<RunSummary>>(c, { items: page.rows.map(runSummary), next: page.next });
  });
  app.openapi(itemRoute(guards), async (c) =>
    tagged<RunView>(c, await viewOf(await known(c.req.valid("param").id))),
  );
  app.openapi(orderRoute(guards), async (c) => {
    const operator = principalName(c.get("principal"));
    const { run, isNew } = await runs.order({ ...c.req.valid("json"), operator });
    return done<RunView>(await viewOf(run), isNew ? 201 : 200);
  });
  app.openapi(cancelRoute(guards), async (c) => {
    const operator = principalName(c.get("principal"));
    const { reason } = c.req.valid("json");
    const run = await runs.cancel(c.req.valid("param").id, { operator, reason });
    return done<RunView>(await viewOf(run));
  });
  app.openapi(logRoute(guards), async (c) => {
    const run = await known(c.req.valid("param").id);
    const { limit, cursor, follow, tail } = c.req.valid("query");
    if (/text\/(event-stream|plain)/.test(c.req.header("accept") ?? "")) {
      // Answered from the head alone: nobody would ever read or end the stream.
      if (c.req.method === "HEAD") return new Response(null);
      return logResponse(
        c,
        createRunLogReader({ store, bus, run, tail, follow: follow === "true" }),
      );
    }
    const given = cursor === undefined ? {} : { cursor };
    return tagged<RunLog>(c, await store.runLog(run, { limit, ...given }));
  });
  return app;
}
