// The hub's HTTP application: every resource of the API, and the pages beside it.
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import type { Backups } from "#hub/backup/create.ts";
import type { Authenticator } from "#hub/broker/port.ts";
import type { Bus } from "#hub/bus.ts";
import type { ForcedSync } from "#hub/control/sync.ts";
import type { LiveLogs } from "#hub/logs/port.ts";
import type { Returns } from "#hub/resurrect/returns.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import type { DeviceId } from "#shared/ids.ts";
import { tagged } from "./answer.ts";
import { backupRoutes } from "./backup.ts";
import { bisectRoutes } from "./bisect.ts";
import { bundleRoutes } from "./bundles.ts";
import { deploymentRoutes } from "./deployments.ts";
import { deviceRoutes } from "./devices.ts";
import { type ApiDocument, openApiDocument } from "./document.ts";
import { enrolRoutes } from "./enrol.ts";
import type { ApiEnv, ApiLogger } from "./env.ts";
import { eventRoutes } from "./events.ts";
import { fleetRoutes } from "./fleet.ts";
import { gatewayRoutes } from "./gateway.ts";
import { createGuards } from "./guards.ts";
import { historyRoutes } from "./history.ts";
import { importRoutes } from "./import.ts";
import { logRoutes } from "./logs.ts";
import { limitedBody, measured, onError, securityHeaders } from "./middleware.ts";
import { monitoringRoutes } from "./monitoring.ts";
import { noticeRoutes } from "./notices.ts";
import { orderRoutes } from "./orders.ts";
import { overrideRoutes } from "./overrides.ts";
import { pauseRoutes, tellsPause } from "./pause.ts";
import { pinRoutes } from "./pins.ts";
import { planRoutes } from "./plans.ts";
import type * as ports from "./ports.ts";
import { previewRoutes } from "./preview.ts";
import { type ProblemParts, sendProblem } from "./problem.ts";
import { releaseRoutes } from "./releases.ts";
import { returnRoutes } from "./return.ts";
import { rolloutRoutes } from "./rollouts.ts";
import { runRoutes } from "./runs.ts";
import type { Sessions } from "./sessions.ts";
import { syncRoutes } from "./sync.ts";
import { tokenRoutes } from "./tokens.ts";
import { refuseInvalid } from "./validation.ts";
import type { Watch } from "./watch.ts";
import { watchRoutes } from "./watch_route.ts";
import { webhookRoutes } from "./webhook.ts";

export interface ApiOptions {
  store: Store;
  bus: Bus;
  clock: Clock;
  logger: ApiLogger;
  authenticator: Authenticator;
  sessions: Sessions;
  watch: Watch;
  logs: LiveLogs;
  git: ports.GitControl;
  repository: ports.RepositorySource;
  fleet: ports.FleetSource;
  desired: ports.DesiredSource;
  rollouts: ports.RolloutControl;
  runs: ports.RunControl;
  pause: ports.PauseControl;
  backups: Pick<Backups, "make">;
  memos: ports.MemoSource;
  returns: Returns;
  bisects: ports.BisectControl;
  control: ports.ControlSource;
  forced: ForcedSync;
  previews: ports.PreviewSource;
  bundles: ports.BundleSource;
  reports: ports.ReportSink;
  introduction: ports.Introduction;
  metrics: ports.MetricsSource & ports.RequestMeter;
  /** Ends the device's MQTT connections when a new identity replaces its old one. */
  disconnect: (device: DeviceId) => void;
  /** Undefined: the webhook wants an operator's token. */
  webhookSecret?: string | undefined;
  version: string;
  pages?: Pages;
}

/** The browser's side, mounted beside the API. */
export interface Pages {
  routes: (document: () => ApiDocument) => OpenAPIHono<ApiEnv>;
  /** A problem as a page, for a browser that asked for something else than the API. */
  problem(c: Context, parts: ProblemParts): Response | Promise<Response>;
}

export function createApi(options: ApiOptions): OpenAPIHono<ApiEnv> {
  const app = new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid });
  const document = lazily(() => openApiDocument(app, options.version));
  const answer = answering(options.pages);
  app.use(measured(options.metrics, options.clock), securityHeaders(), tellsPause(options.pause));
  app.use(methodNotAllowed({ app, onMethodNotAllowed: refuseMethod }), limitedBody());
  app.onError(onError(options.logger, answer));
  app.notFound((c) => answer(c, unknown));
  addResources(app, options);
  app.get("/openapi.json", (c) => tagged(c, document()));
  if (options.pages !== undefined) app.route("/", options.pages.routes(document));
  return app;
}

function addResources(app: OpenAPIHono<ApiEnv>, options: ApiOptions): void {
  const all = { ...options, guards: createGuards(options), secret: options.webhookSecret };
  const resources = [
    fleetRoutes(all),
    deploymentRoutes(all),
    releaseRoutes(all),
    rolloutRoutes(all),
    bisectRoutes(all),
    previewRoutes(all),
    webhookRoutes(all),
    planRoutes(all),
    runRoutes(all),
    importRoutes(all),
    deviceRoutes(all),
    orderRoutes(all),
    pinRoutes(all),
    noticeRoutes(all),
    overrideRoutes(all),
    syncRoutes(all),
    historyRoutes(all),
    logRoutes(all),
    eventRoutes(all),
    watchRoutes(all),
    tokenRoutes(all),
    monitoringRoutes(all),
    enrolRoutes(all),
    gatewayRoutes(all),
    returnRoutes(all),
    pauseRoutes(all),
    backupRoutes(all),
    bundleRoutes(all),
  ];
  for (const resource of resources) app.route("/", resource);
}

function refuseMethod(c: Context, allowed: string[]): Response {
  const detail = `${c.req.method} is not possible here; ${allowed.join(", ")} is`;
  return sendProblem(c, { code: "method_not_allowed", detail }, { Allow: allowed.join(", ") });
}

const unknown: ProblemParts = {
  code: "not_found",
  detail: "nothing is at this address",
  hint: "See /docs for every route.",
};

/** A problem, as a page where a browser asked for one. */
function answering(pages: Pages | undefined) {
  return (c: Context, parts: ProblemParts): Response | Promise<Response> => {
    const wantsPage = c.req.header("accept")?.includes("text/html") ?? false;
    const isApi = c.req.path.startsWith("/v1/");
    return pages !== undefined && wantsPage && !isApi
      ? pages.problem(c, parts)
      : sendProblem(c, parts);
  };
}

/** The routes are known only once all are added. */
function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
