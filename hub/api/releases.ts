// Releases: immutable content with the commits that it came from.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { ReleaseRow, Store } from "#hub/store/port.ts";
import { FleetError } from "#shared/errors.ts";
import { Digest } from "#shared/ids.ts";
import { reads, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import { DigestParams, type ListOf, listOf, PageQuery, UnixMs } from "./schema.ts";

const ReleaseView = component(
  "Release",
  z.object({
    digest: Digest,
    role: z.string(),
    size: z.int().meta({ description: "Bytes of the bundle." }),
    createdAt: UnixMs,
    commits: z
      .array(
        z.object({
          commit: z.string(),
          branch: z.string(),
          author: z.string(),
          subject: z.string(),
          committedAt: UnixMs,
        }),
      )
      .meta({ description: "Newest first." }),
  }),
);

const ReleaseListQuery = PageQuery.extend({ role: z.string().max(63).optional() });

const common = (guards: Guards) => ({
  method: "get" as const,
  tags: ["Fleet"],
  security: [{ operator: [] }],
  middleware: guards.operator,
});

const listRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/releases",
    operationId: "listReleases",
    summary: "Lists releases, newest first",
    request: { query: ReleaseListQuery },
    responses: reads("A page of releases.", listOf("ReleaseList", ReleaseView)),
  });

const itemRoute = (guards: Guards) =>
  createRoute({
    ...common(guards),
    path: "/v1/releases/{digest}",
    operationId: "getRelease",
    summary: "Shows one release",
    request: { params: DigestParams },
    responses: reads("The release.", ReleaseView),
  });

export function releaseRoutes(options: {
  store: Pick<Store, "release" | "releases">;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const { store, guards } = options;
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(listRoute(guards), async (c) => {
    const { limit, cursor, role } = c.req.valid("query");
    const page = await store.releases({
      limit,
      ...(cursor === undefined ? {} : { cursor }),
      ...(role === undefined ? {} : { role }),
    });
    return tagged<ListOf<ReleaseRow>>(c, { items: page.rows, next: page.next });
  });
  app.openapi(itemRoute(guards), async (c) => {
    const { digest } = c.req.valid("param");
    const release = await store.release(digest);
    if (release === null) throw noRelease(digest);
    return tagged<ReleaseRow>(c, release);
  });
  return app;
}

export function noRelease(digest: Digest): FleetError {
  const message = `no release has the digest ${digest}`;
  return new FleetError("not_found", { message, subject: digest });
}
