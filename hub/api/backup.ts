// A backup of the hub, as one file.
import { Readable } from "node:stream";
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import type { Backups } from "#hub/backup/create.ts";
import { hasKeys } from "#hub/backup/manifest.ts";
import type { Bus } from "#hub/bus.ts";
import { createAnnouncer } from "#hub/release/announce.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { responses } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import { type Guards, principalName } from "./guards.ts";

const BackupRequest = component(
  "BackupRequest",
  z.strictObject({
    // Said in every request: a body that got lost on the way must not hand the keys out.
    keys: z.boolean().meta({
      description: "With the hub's signing key and its first operator's token.",
    }),
  }),
);

const route = (guards: Guards) =>
  createRoute({
    method: "post",
    path: "/v1/backup",
    operationId: "makeBackup",
    tags: ["Fleet"],
    summary: "Makes a backup of the hub while it works",
    description:
      "A compressed tar file: the database as of one instant, checked, and the keys. Not in it are the mirror of the repository and the bundles, which are made anew. Whoever holds a backup with keys can command the devices.",
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: {
      body: { required: true, content: { "application/json": { schema: BackupRequest } } },
    },
    responses: responses({
      200: {
        description: "The backup.",
        content: { "application/gzip": { schema: { type: "string", format: "binary" } } },
      },
    }),
  });

export function backupRoutes(options: {
  backups: Pick<Backups, "make">;
  store: Pick<Store, "addEvents">;
  bus: Bus;
  clock: Clock;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const announce = createAnnouncer(options);
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route(options.guards), async (c) => {
    const { keys: withKeys } = c.req.valid("json");
    const { manifest, content } = await options.backups.make({ withKeys });
    const what = hasKeys(manifest) ? "with its keys" : "without its keys";
    const message = `${principalName(c.get("principal"))} took a backup of the hub, ${what}`;
    await announce({ type: "Normal", reason: "BackupTaken", message }).catch((error: unknown) => {
      // Nobody would read it, and until it has ended no other is made.
      content.destroy();
      throw error;
    });
    const name = `fleet-${new Date(manifest.at).toISOString().replaceAll(":", "")}.tar.gz`;
    return new Response(Readable.toWeb(content) as ReadableStream, {
      headers: {
        "Content-Type": "application/gzip",
        "Content-Disposition": `attachment; filename="${name}"`,
        "Cache-Control": "no-store",
      },
    });
  });
  return app;
}
