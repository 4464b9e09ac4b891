// The search for the first bad commit of a rollout, by the API.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { memberStates } from "#hub/rollout/advance/model.ts";
import { noBisect } from "#hub/rollout/bisect/controller.ts";
import { bisectStates, verdicts } from "#hub/rollout/bisect/model.ts";
import { culpritOf, testsLeft } from "#hub/rollout/bisect/range.ts";
import type { BisectRow } from "#hub/store/bisect_port.ts";
import type { Store } from "#hub/store/port.ts";
import { AppName, DeviceId } from "#shared/ids.ts";
import { done, json, reads, responses, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";
import type { BisectControl } from "./ports.ts";
import { Reason, UnixMs } from "./schema.ts";

const Params = z.object({ id: z.coerce.number().int().positive() });

const BeginRequest = component(
  "BisectRequest",
  z.strictObject({
    reason: Reason,
    devices: z.array(DeviceId).min(1).max(50).optional().meta({
      description:
        "Which devices try the commits. Default: up to three on which the release failed.",
    }),
  }),
);
const CancelRequest = component("BisectCancel", z.strictObject({ reason: Reason }));

const Commit = z.object({
  commit: z.string(),
  author: z.string(),
  subject: z.string().meta({ description: "First line of its message." }),
  committedAt: UnixMs,
});

const Candidate = Commit.extend({
  verdict: z.enum(verdicts).meta({ description: "`skipped`: it cannot be rendered." }),
  why: z.string().nullable(),
});

const Canary = z.object({
  device: DeviceId,
  state: z.enum(memberStates),
  reason: z.string().nullable(),
});

const BisectView = component(
  "Bisect",
  z.object({
    rollout: z.int(),
    deployment: AppName,
    branch: z.string(),
    state: z.enum(bisectStates),
    testing: z.string().nullable().meta({ description: "The commit that the canaries try now." }),
    testsLeft: z.int().meta({ description: "At most, the present one included." }),
    waitsFor: z.string().nullable().meta({ description: "Why it does not go on right now." }),
    culprit: Commit.nullable().meta({ description: "The first bad commit, once it is found." }),
    suspects: z.array(Commit).meta({
      description: "Commits right before it that could not be tested: it may be one of them.",
    }),
    outcome: z.string().nullable().meta({ description: "How it ended, in words." }),
    commits: z.array(Candidate).meta({ description: "Oldest first; the first was promoted last." }),
    canaries: z.array(Canary),
    operator: z.string().meta({ description: "Who began it." }),
    reason: z.string(),
    beganAt: UnixMs,
    changedAt: UnixMs,
  }),
);
export type BisectView = z.infer<typeof BisectView>;

const common = (guards: Guards) => ({
  tags: ["Rollouts"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const readRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/rollouts/{id}/bisect",
    operationId: "getBisect",
    summary: "Shows the newest search for the first bad commit of a rollout",
    request: { params: Params },
    responses: reads("The bisect.", BisectView),
  });

const beginRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/rollouts/{id}/bisect",
    operationId: "beginBisect",
    summary: "Begins to search the first bad commit of a halted or undone rollout on canaries",
    request: {
      params: Params,
      body: { required: true, content: { "application/json": { schema: BeginRequest } } },
    },
    responses: responses({ 201: json("The bisect as it began.", BisectView) }),
  });

const cancelRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "post",
    path: "/v1/rollouts/{id}/bisect/cancel",
    operationId: "cancelBisect",
    summary: "Ends a bisect; its canaries return to what the rollout gives them",
    request: {
      params: Params,
      body: { required: true, content: { "application/json": { schema: CancelRequest } } },
    },
    responses: responses({ 200: json("The bisect as it is now.", BisectView) }),
  });

export function bisectRoutes(options: {
  store: Pick<Store, "bisectOf">;
  bisects: BisectControl;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, bisects, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(readRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    const row = await store.bisectOf(id);
    if (row === null) throw noBisect(id);
    return tagged<BisectView>(c, bisectView(row, bisects.waitsFor(id)));
  });
  app.openapi(beginRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    const { reason, devices } = c.req.valid("json");
    const operator = principalName(c.get("principal"));
    const chosen = devices === undefined ? {} : { devices };
    const row = await bisects.begin(id, { operator, reason, ...chosen });
    return done<BisectView>(bisectView(row, bisects.waitsFor(id)), 201);
  });
  app.openapi(cancelRoute(guards), async (c) => {
    const { id } = c.req.valid("param");
    const operator = principalName(c.get("principal"));
    const row = await bisects.cancel(id, { operator, reason: c.req.valid("json").reason });
    return done<BisectView>(bisectView(row, bisects.waitsFor(id)));
  });
  return app;
}

function bisectView(row: BisectRow, waitsFor: string | null): BisectView {
  const { rollout, deployment, branch, operator, reason, beganAt, changedAt, bisect } = row;
  const { state, testing, commits, canaries, outcome } = bisect;
  const culprit = state === "Found" ? culpritOf(bisect) : undefined;
  return {
    ...{ rollout, deployment, branch, state, outcome, operator, reason, beganAt, changedAt },
    testing: testing === null ? null : (commits[testing]?.commit ?? null),
    testsLeft: state === "Testing" ? testsLeft(bisect) : 0,
    waitsFor: state === "Testing" ? waitsFor : null,
    culprit: culprit === undefined ? null : commitView(culprit.first),
    suspects: (culprit?.skipped ?? []).map(commitView),
    commits: commits.map((one) => ({ ...commitView(one), verdict: one.verdict, why: one.why })),
    canaries: canaries.map((one) => ({
      ...{ device: one.device, state: one.state, reason: one.reason },
    })),
  };
}

function commitView({ commit, author, subject, committedAt }: z.infer<typeof Commit>) {
  return { commit, author, subject, committedAt };
}
