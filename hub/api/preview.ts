// What a commit would do to a deployment's devices, before anything moves.
import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi";
import { type Preview, risks } from "#hub/rollout/preview.ts";
import { AppName, CommitId, DeviceId, Digest } from "#shared/ids.ts";
import { reads, tagged } from "./answer.ts";
import { component } from "./component.ts";
import type { ApiEnv } from "./env.ts";
import type { Guards } from "./guards.ts";
import { NoticeSchema } from "./notice_view.ts";
import type { PreviewSource } from "./ports.ts";

const DevicePreview = z.object({
  device: DeviceId,
  downloadBytes: z.int().meta({ description: "0 when the bundle is there already." }),
  services: z
    .array(z.string())
    .nullable()
    .meta({ description: "Services that restart; null where that cannot be said." }),
  risks: z.array(z.enum(risks)).meta({ description: "What stands in the way on this device." }),
});

const KeptDevice = z.object({
  device: DeviceId,
  why: z.array(NoticeSchema).meta({ description: "What keeps it, and who said so." }),
});

const PreviewView = component(
  "RolloutPreview",
  z.object({
    deployment: AppName,
    branch: z.string(),
    commit: z.string(),
    digest: Digest,
    downloadBytes: z.int().meta({ description: "Of all devices together." }),
    atRisk: z.int().meta({ description: "Devices with any risk." }),
    unchanged: z.int().meta({ description: "Devices for which nothing changes." }),
    devices: z.array(DevicePreview),
    kept: z.array(KeptDevice).meta({
      description: "Devices that would change, were they not pinned, held or left out.",
    }),
  }),
);
export type PreviewView = z.infer<typeof PreviewView>;

const route = (guards: Guards) =>
  createRoute({
    method: "get",
    path: "/v1/deployments/{name}/preview",
    operationId: "previewDeployment",
    tags: ["Rollouts"],
    summary: "Shows what a commit would do to a deployment's devices",
    security: [{ operator: [] }],
    middleware: guards.operator,
    request: {
      params: z.object({ name: AppName }),
      query: z.object({
        commit: CommitId.optional().meta({
          description:
            "Of the deployment's branch, whole. Default: the accepted one, for what its devices lack yet.",
        }),
      }),
    },
    responses: reads("The preview.", PreviewView),
  });

export function previewRoutes(options: {
  previews: PreviewSource;
  guards: Guards;
}): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>();
  app.openapi(route(options.guards), async (c) => {
    const { name } = c.req.valid("param");
    const preview = await options.previews.preview(name, c.req.valid("query").commit);
    return tagged<PreviewView>(c, viewOf(preview));
  });
  return app;
}

function viewOf({ devices, ...preview }: Preview): PreviewView {
  const downloadBytes = devices.reduce((sum, one) => sum + one.downloadBytes, 0);
  const atRisk = devices.filter((one) => one.risks.length > 0).length;
  return { ...preview, downloadBytes, atRisk, devices };
}
