// What an app's socket answers: one post per copy of a service, checked before anything is kept.
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { problemOf, problemOfError, sendProblem } from "#edge/page/problem.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { AppName } from "#shared/ids.ts";
import { maxTelemetryBytes, readTelemetry } from "#shared/telemetry.ts";
import type { Known } from "./known.ts";
import type { Samples } from "./samples.ts";

interface Options {
  app: AppName;
  known: Pick<Known, "check">;
  samples: Pick<Samples, "put">;
  /** Whether one more post may pass now. */
  mayPass: () => boolean;
}

export function telemetryRoutes({ app, known, samples, mayPass }: Options): Hono {
  const routes = new Hono();
  routes.use(async (_, next) => {
    if (mayPass()) return next();
    const problem = problemOf("rate_limited", `${app} posts too often`, "Post once in 10 s.");
    return sendProblem(problem, { "retry-after": "1" });
  });
  routes.use(bodyLimit({ maxSize: maxTelemetryBytes, onError: () => sendProblem(tooLarge) }));
  routes.post("/v1/telemetry/:service/:instance", async (c) => {
    const copy = known.check(app, c.req.param("service"), c.req.param("instance"));
    const { telemetry, ignored } = readTelemetry(parsed(await c.req.text()));
    samples.put(copy, telemetry);
    return c.json({ ignored });
  });
  routes.notFound((c) =>
    sendProblem(
      problemOf(
        "not_found",
        `there is no ${c.req.method} ${c.req.path} here`,
        "POST to the address in FLEET_TELEMETRY_URL.",
      ),
    ),
  );
  routes.onError((thrown) => sendProblem(problemOfError(asFleetError(thrown))));
  return routes;
}

const tooLarge = problemOf(
  "message_too_large",
  `the body is over ${maxTelemetryBytes} bytes`,
  "Say less: fewer extensions, or shorter texts.",
);

/** @throws FleetError request_invalid */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const hint = 'Post a JSON object such as {"state":"operational"}.';
    throw new FleetError("request_invalid", { message: "the body is not JSON", hint, cause });
  }
}
