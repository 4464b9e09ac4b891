// What keeps devices from following the repository, as the API tells it.
import { z } from "@hono/zod-openapi";
import { noticeKinds } from "#hub/control/notices.ts";
import { AppName } from "#shared/ids.ts";
import { component } from "./component.ts";
import { UnixMs } from "./schema.ts";

export const NoticeSchema = component(
  "Notice",
  z.object({
    kind: z.enum(noticeKinds),
    message: z.string().meta({ description: "What holds, without the reason." }),
    reason: z.string().nullable(),
    operator: z.string().nullable(),
    at: UnixMs.nullable(),
    until: UnixMs.nullable(),
    endsWhen: z.string().meta({ description: "What ends it." }),
    deployment: AppName.nullable(),
    number: z.int().nullable().meta({ description: "Of the pin or of the rollout." }),
  }),
);
