// The plans that can be run: built in, and those of the repository.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { FleetError } from "#shared/errors.ts";
import { PlanName } from "#shared/plan.ts";
import { reads, tagged } from "./answer.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import type { RunControl } from "./ports.ts";
import { PlanView, planView } from "./run_view.ts";
import { type ListOf, listOf } from "./schema.ts";

const common = (guards: Guards) => ({
  tags: ["Runs"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const listRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/plans",
    operationId: "listPlans",
    summary: "Lists plans, by name",
    description: "A plan of the repository goes before a built-in one of the same name.",
    responses: reads("All plans on one page.", listOf("PlanList", PlanView)),
  });

const itemRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    method: "get",
    path: "/v1/plans/{name}",
    operationId: "getPlan",
    summary: "Shows a plan: its parameters and steps",
    request: { params: z.object({ name: PlanName }) },
    responses: reads("The plan.", PlanView),
  });

export function planRoutes(options: {
  runs: Pick<RunControl, "plans">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { runs, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(listRoute(guards), (c) => {
    const items = [...runs.plans().values()].map(planView);
    return tagged<ListOf<PlanView>>(c, { items, next: null });
  });
  app.openapi(itemRoute(guards), (c) => {
    const { name } = c.req.valid("param");
    const plan = runs.plans().get(name);
    if (plan !== undefined) return tagged<PlanView>(c, planView(plan));
    throw new FleetError("not_found", { message: `no plan has the name "${name}"`, subject: name });
  });
  return app;
}
