// Deployments as the accepted commits describe them.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Deployment, FleetSnapshot } from "#hub/release/model.ts";
import type { Store } from "#hub/store/port.ts";
import { AppName, Digest, Values } from "#shared/ids.ts";
import type { Requirement, Selector } from "#shared/selector.ts";
import { reads, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import type { FleetSource } from "./ports.ts";
import { type ListOf, listOf } from "./schema.ts";

const DeploymentView = component(
  "Deployment",
  z.object({
    name: AppName,
    labelSelector: z.string().meta({ description: "Lists its devices on `/v1/devices`." }),
    role: z.string(),
    branch: z.string(),
    values: Values,
    commit: z.string().nullable().meta({ description: "The branch's accepted commit." }),
    digest: Digest.nullable().meta({ description: "The release of the role at that commit." }),
    devices: z
      .object({ matching: z.int(), synced: z.int(), healthy: z.int() })
      .meta({ description: "Devices that the selector matches, by their status as a whole." }),
  }),
);
export type DeploymentView = z.infer<typeof DeploymentView>;

const listRoute = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/deployments",
    operationId: "listDeployments",
    tags: ["Fleet"],
    summary: "Lists the deployments of the default branch",
    security: [{ operator: [] }],
    middleware: guards.operator,
    responses: reads("All deployments on one page.", listOf("DeploymentList", DeploymentView)),
  });

export function deploymentRoutes(options: {
  fleet: FleetSource;
  store: Pick<Store, "counts">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(listRoute(options.guards), async (c) => {
    const items = await deploymentsOf(options.fleet.snapshot(), options.store);
    return tagged<ListOf<DeploymentView>>(c, { items, next: null });
  });
  return app;
}

async function deploymentsOf(
  snapshot: FleetSnapshot | undefined,
  store: Pick<Store, "counts">,
): Promise<DeploymentView[]> {
  const declared = snapshot?.branches[snapshot.defaultBranch]?.deployments ?? [];
  const counts = await countsOf(declared, store);
  return declared.map((deployment) => ({
    ...deploymentView(deployment, snapshot),
    devices: counts.get(selectorText(deployment.selector)) ?? noDevices,
  }));
}

type DeviceTotals = DeploymentView["devices"];

const noDevices: DeviceTotals = { matching: 0, synced: 0, healthy: 0 };

/** By the selector's text: deployments that share a selector share its one look-up. */
async function countsOf(
  deployments: readonly Deployment[],
  store: Pick<Store, "counts">,
): Promise<Map<string, DeviceTotals>> {
  const selectors = new Map(deployments.map(({ selector }) => [selectorText(selector), selector]));
  const totals = [...selectors].map(async ([text, selector]): Promise<[string, DeviceTotals]> => {
    const { devices, sync, health } = await store.counts(selector);
    return [text, { matching: devices, synced: sync.Synced, healthy: health.Healthy }];
  });
  return new Map(await Promise.all(totals));
}

function deploymentView(
  { name, selector, role, branch, values }: Deployment,
  snapshot: FleetSnapshot | undefined,
): Omit<DeploymentView, "devices"> {
  const source = snapshot?.branches[branch];
  const labelSelector = selectorText(selector);
  const digest = source?.roles[role]?.digest ?? null;
  return { name, labelSelector, role, branch, values, commit: source?.commit ?? null, digest };
}

/** A selector as a person writes it; `parseSelector` reads it back. */
export function selectorText(selector: Selector): string {
  return selector.map(requirementText).join(",");
}

function requirementText(requirement: Requirement): string {
  const { key } = requirement;
  switch (requirement.operator) {
    case "exists":
      return key;
    case "absent":
      return `!${key}`;
    case "in":
    case "notin":
      return setText(key, requirement.operator, requirement.values);
  }
}

function setText(key: string, operator: "in" | "notin", values: readonly string[]): string {
  if (values.length === 1) return `${key}${operator === "in" ? "=" : "!="}${values[0]}`;
  return `${key} ${operator} (${values.join(", ")})`;
}
