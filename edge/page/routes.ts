// Every route of the local API and page, with what holds for all of them.
import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, type FleetError } from "#shared/errors.ts";
import type { LocalActions, ReadLogs } from "./actions.ts";
import { loadAssets } from "./assets.ts";
import { commandRoutes } from "./commands.ts";
import { createGate } from "./gate.ts";
import type { LogTail } from "./log_tail.ts";
import { createLastLines } from "./logs.ts";
import type { AgentMetrics } from "./metrics.ts";
import { createPages } from "./pages.ts";
import { problemOf, problemOfError, sendProblem } from "./problem.ts";
import { readingRoutes } from "./readings.ts";
import { createSessions } from "./session.ts";
import { type Liveness, type LocalStatus, type LoopPulse, livenessOf } from "./status.ts";
import type { PageToken } from "./token.ts";
import { createTries } from "./tries.ts";
import type { PageView } from "./view.ts";

export interface RouteOptions {
  status: () => LocalStatus;
  pulse: () => LoopPulse;
  metrics: Pick<AgentMetrics, "render" | "contentType">;
  token: PageToken;
  /** Undefined as long as the loop has not begun. */
  actions?: () => LocalActions | undefined;
  readLogs?: () => ReadLogs | undefined;
  agentLog?: Pick<LogTail, "last">;
  clock: Pick<Clock, "monotonicMs" | "sleep">;
  /** Told of a request that failed for a fault of ours. */
  onError?: (error: FleetError) => void;
}

const maxBodyBytes = 16_384;

/** Without the token it shows everything but log lines, and changes nothing. It never shows a secret:
 *  values and environments are not in the status. */
export function createRoutes(options: RouteOptions): Hono {
  const { status, pulse, metrics, token, clock, actions = () => undefined } = options;
  const { readLogs, agentLog, onError = () => undefined } = options;
  const liveness = (): Liveness => livenessOf(pulse(), clock.monotonicMs());
  const sessions = createSessions({ token, clock, bootId: () => status().bootId });
  const cookieName = (): string => `fleet_page_${status().device}`;
  const gate = createGate({ token, sessions, tries: createTries(clock), cookieName });
  const view = (c: Context): PageView => ({
    status: status(),
    liveness: liveness(),
    nowMs: clock.monotonicMs(),
    isSignedIn: gate.isSignedIn(c),
    canAct: actions() !== undefined,
    tokenFile: token.file,
  });
  const lastLines = createLastLines({ status, readLogs, agentLog, clock });
  const { routes: pages, refuse } = createPages({ gate, view, lastLines });

  const routes = new Hono();
  routes.use(headers, uncached);
  routes.use(
    bodyLimit({
      maxSize: maxBodyBytes,
      onError: (c) => refuse(c, problemOf("message_too_large", "the body is over 16 KiB")),
    }),
  );
  for (const { path, type, content } of loadAssets()) {
    routes.get(path, (c) => c.body(content, 200, { "content-type": type }));
  }
  routes.use("/v1/*", async (c, next) => {
    const problem = c.req.method === "POST" ? gate.refusal(c) : undefined;
    if (problem !== undefined) return refuse(c, problem);
    return next();
  });
  routes.route("/", readingRoutes({ gate, refuse, status, liveness, metrics, lastLines }));
  routes.route("/", commandRoutes({ actions, status, clock, onError }));
  routes.route("/", pages);
  routes.notFound((c) => sendProblem(problemOf("not_found", `there is no ${c.req.path} here`)));
  routes.onError(async (thrown, c) => {
    const error = asFleetError(thrown);
    if (error.code === "internal") onError(error);
    const problem = problemOfError(error);
    // The page is drawn from the status, which may be what has failed.
    return Promise.resolve()
      .then(() => refuse(c, problem))
      .catch(() => sendProblem(problem));
  });
  return routes;
}

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'"],
    scriptSrc: ["'self'"],
    connectSrc: ["'self'"],
    imgSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  // A device speaks plain HTTP, and must not teach browsers otherwise for its host name.
  strictTransportSecurity: false,
  // Ignored over plain HTTP, with an error on the console.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  xFrameOptions: "DENY",
  // With `no-referrer` a form of our own would come with the origin "null" (Fetch, section 3.2).
  referrerPolicy: "same-origin",
});

async function uncached(c: Context, next: () => Promise<void>): Promise<void> {
  await next();
  c.header("cache-control", "no-store");
}
