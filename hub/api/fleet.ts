// The fleet as a whole: totals, sites and the branches of its repository.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Notice } from "#hub/control/notices.ts";
import type { RepositoryHealth } from "#hub/git/health.ts";
import type { BranchRow, FleetCounts, SiteCounts, Store } from "#hub/store/port.ts";
import { type FleetWorkloads, totalsOf } from "#hub/telemetry/totals.ts";
import { Connection, HealthStatus, SyncStatus } from "#shared/status.ts";
import { noWorkloads, type WorkloadCounts } from "#shared/telemetry.ts";
import { reads, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import { NoticeSchema } from "./notice_view.ts";
import type { ControlSource, RepositorySource } from "./ports.ts";
import { type ListOf, listOf, UnixMs } from "./schema.ts";
import { FleetWorkloadsSchema, WorkloadCountsSchema } from "./workloads_schema.ts";

const countsShape = {
  devices: z.int(),
  connection: z.record(Connection, z.int()),
  sync: z.record(SyncStatus, z.int()),
  health: z.record(HealthStatus, z.int()),
};

export const BranchView = component(
  "Branch",
  z.object({
    branch: z.string(),
    head: z.string().meta({ description: "The commit as fetched." }),
    accepted: z.string().nullable().meta({ description: "The newest commit accepted whole." }),
    refusal: z.string().nullable().meta({ description: "Why head is not accepted." }),
    checkedAt: UnixMs,
  }),
);

const RepositoryView = component(
  "Repository",
  z.object({
    url: z.string().meta({ description: "Without credentials." }),
    reachable: z.boolean().meta({ description: "Whether the last fetch worked." }),
    problem: z.string().nullable().meta({ description: "Why it did not, in one sentence." }),
    hint: z.string().nullable().meta({ description: "The next step." }),
    fetchedAt: UnixMs.nullable().meta({ description: "The last fetch that worked." }),
  }),
);

/** What a banner can show; each pin adds one. */
const mostNotices = 20;

const FleetView = component(
  "Fleet",
  z.object({
    ...countsShape,
    repository: RepositoryView,
    branches: z.array(BranchView),
    workloads: FleetWorkloadsSchema,
    notices: z.array(NoticeSchema).meta({
      description: `Halts, undone rollouts and pins, and who said so: the ${mostNotices} gravest. \`/v1/notices\` lists all.`,
    }),
    noticesTotal: z.int().meta({ description: "How many there are." }),
  }),
);
const SiteView = component(
  "Site",
  z.object({ site: z.string(), ...countsShape, workloads: WorkloadCountsSchema }),
);

type FleetView = FleetCounts & {
  repository: RepositoryHealth;
  branches: BranchRow[];
  workloads: FleetWorkloads;
  notices: Notice[];
  noticesTotal: number;
};
export type SiteView = SiteCounts & { workloads: WorkloadCounts };

const common = (guards: Guards) => ({
  method: "get" as const,
  tags: ["Fleet"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const fleetRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/fleet",
    operationId: "getFleet",
    summary: "Shows totals, the repository and the state of each branch",
    responses: reads("The fleet.", FleetView),
  });

const sitesRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/sites",
    operationId: "listSites",
    summary: "Lists sites with their totals",
    responses: reads("All sites on one page.", listOf("SiteList", SiteView)),
  });

export function fleetRoutes(options: {
  store: Pick<Store, "counts" | "siteCounts" | "branches" | "workloadCounts">;
  repository: RepositorySource;
  control: Pick<ControlSource, "all">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, repository, control, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(fleetRoute(guards), async (c) => {
    const [counts, branches, workloads] = await Promise.all([
      store.counts(),
      store.branches(),
      store.workloadCounts(),
    ]);
    const notices = control.all();
    return tagged<FleetView>(c, {
      ...counts,
      repository: repository.health(),
      branches,
      workloads: totalsOf(workloads),
      notices: notices.slice(0, mostNotices),
      noticesTotal: notices.length,
    });
  });
  app.openapi(sitesRoute(guards), async (c) =>
    tagged<ListOf<SiteView>>(c, { items: await siteViews(store), next: null }),
  );
  return app;
}

async function siteViews(store: Pick<Store, "siteCounts" | "workloadCounts">): Promise<SiteView[]> {
  const [sites, rows] = await Promise.all([store.siteCounts(), store.workloadCounts()]);
  const known = new Map(totalsOf(rows).sites.map(({ site, ...counts }) => [site, counts]));
  return sites.map((site) => ({ ...site, workloads: known.get(site.site) ?? noWorkloads() }));
}
