// The browser's side of the hub: its pages, their files and their headers.
import { OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { html } from "hono/html";
import type { Pages } from "#hub/api/api.ts";
import { deviceQuery } from "#hub/api/devices.ts";
import type { ApiDocument } from "#hub/api/document.ts";
import type { ApiEnv } from "#hub/api/env.ts";
import { sessionOperator } from "#hub/api/guards.ts";
import type { RepositorySource } from "#hub/api/ports.ts";
import { problemOf } from "#hub/api/problem.ts";
import type { Sessions } from "#hub/api/sessions.ts";
import { readUpdates } from "#hub/api/update_reader.ts";
import type { Authenticator } from "#hub/broker/port.ts";
import type { Notices } from "#hub/control/notices.ts";
import type { LiveLogs } from "#hub/logs/port.ts";
import type { RunBook } from "#hub/run/book.ts";
import type { Store } from "#hub/store/port.ts";
import { totalsOf } from "#hub/telemetry/totals.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { DeviceId } from "#shared/ids.ts";
import { type Asset, loadAssets } from "./assets.ts";
import { deviceMain } from "./device.ts";
import type { Html } from "./html.ts";
import { layout, mainOf, type PageParts } from "./layout.ts";
import { logPages } from "./log_pages.ts";
import { unknownDevice } from "./notices.ts";
import { overviewMain } from "./overview.ts";
import { noFilter, type OverviewQuery, overviewQuery } from "./overview_query.ts";
import { referenceMain } from "./reference.ts";
import { type RolloutPagesControl, rolloutPages } from "./rollouts.ts";
import { signInHref, signInRoutes } from "./sign_in.ts";

interface Options {
  store: Pick<
    Store,
    | "counts"
    | "siteCounts"
    | "workloadCounts"
    | "branches"
    | "devices"
    | "device"
    | "desired"
    | "journal"
    | "events"
    | "rollout"
    | "rollouts"
    | "rolloutMembers"
    | "latestRollouts"
    | "bisectOf"
  >;
  rollouts: RolloutPagesControl;
  repository: RepositorySource;
  logs: LiveLogs;
  notices: Pick<Notices, "all" | "on">;
  lives: Pick<RunBook, "life">;
  sessions: Sessions;
  authenticator: Authenticator;
  clock: Clock;
}

type Status = 200 | 400 | 401 | 403 | 404 | 409 | 429;

const headers = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; "),
  // A page that was read is not kept where the next user of the browser finds it.
  "Cache-Control": "no-store",
};

export function createPages(options: Options): Pages {
  const assets = loadAssets();
  const send = (c: Context, parts: PageParts, status: Status = 200) => {
    // The script asks for the part that changes.
    const isPart = c.req.header("x-fragment") === "main";
    const { pathname: path, search } = new URL(c.req.url);
    const asked = { path, search, now: options.clock.now() };
    return c.html(isPart ? mainOf(parts.main) : layout(assets, parts, asked), status, headers);
  };
  return {
    routes: (document) => routes(options, { send, find: assets.find, document }),
    problem: (c, parts) => {
      const { status, title, detail } = problemOf(parts, c.req.path);
      const operator = sessionOperator(c, options.sessions);
      return send(c, { title, main: problemMain(title, detail), operator }, status as Status);
    },
  };
}

interface Frame {
  send: (c: Context, parts: PageParts, status?: Status) => Response | Promise<Response>;
  find: (path: string) => Asset | undefined;
  document: () => ApiDocument;
}

function routes(options: Options, { send, find, document }: Frame): OpenAPIHono<ApiEnv> {
  const { store, repository, notices, lives, sessions, clock } = options;
  const app = new OpenAPIHono<ApiEnv>();
  const signedIn = pageGuard(sessions);
  app.get("/", signedIn, async (c) => {
    const read = await readOverview(store, overviewQuery(c.req.query()), clock.now());
    const { origin } = new URL(c.req.url);
    const said = { notices: notices.all(), noticesOn: notices.on };
    const main = overviewMain({ ...read, ...said, repository: repository.health(), origin });
    const operator = sessionOperator(c, sessions);
    return send(c, { title: "Fleet", main, operator, live: "/v1/watch" });
  });
  app.get("/devices/:id", signedIn, async (c) => {
    const operator = sessionOperator(c, sessions);
    const view = await readDevice(store, c.req.param("id") ?? "", clock.now());
    if (view === undefined) {
      const main = unknownDevice(c.req.param("id") ?? "");
      return send(c, { title: "No such device", main, operator }, 404);
    }
    const { id } = view.row;
    const live = `/v1/watch?device=${id}`;
    return send(c, {
      title: id,
      main: deviceMain({ ...view, notices: notices.on(view.row), life: lives.life(id) }),
      operator,
      live,
    });
  });
  app.route("/", logPages({ ...options, signedIn, send }));
  app.get("/docs", (c) => {
    const operator = sessionOperator(c, sessions);
    return send(c, { title: "API", main: referenceMain(document()), operator });
  });
  app.get("/assets/:name", (c) => sendAsset(c, find(c.req.path)));
  app.use("/rollouts/*", signedIn);
  app.route("/", rolloutPages({ ...options, send }));
  app.route("/", signInRoutes({ ...options, send }));
  return app;
}

/** Leads a browser to the sign-in page; the script learns that its session has ended. */
function pageGuard(sessions: Sessions) {
  return async (c: Context, next: () => Promise<void>): Promise<Response | undefined> => {
    if (sessionOperator(c, sessions) === undefined) {
      if (c.req.header("x-fragment") !== undefined) return c.body(null, 401);
      const { pathname, search } = new URL(c.req.url);
      return c.redirect(signInHref(`${pathname}${search}`), 303);
    }
    await next();
    return undefined;
  };
}

function sendAsset(c: Context, asset: Asset | undefined): Response | Promise<Response> {
  if (asset === undefined) return c.notFound();
  return c.body(asset.content, 200, {
    "Content-Type": asset.type,
    "Cache-Control": "public, max-age=31536000, immutable",
  });
}

async function readOverview(store: Options["store"], query: OverviewQuery, now: number) {
  const { page, filter, problem } = await readPage(store, query);
  const [counts, sites, rows, branches] = await Promise.all([
    store.counts(),
    store.siteCounts(),
    store.workloadCounts(),
    store.branches(),
  ]);
  return { counts, sites, workloads: totalsOf(rows), branches, page, filter, problem, now };
}

/** A selector or cursor that does not hold is told, and the whole fleet is shown. */
async function readPage(store: Options["store"], { filter, problem }: OverviewQuery) {
  try {
    return { page: await store.devices(deviceQuery(filter)), filter, problem };
  } catch (error) {
    if (!(error instanceof FleetError) || error.code !== "request_invalid") throw error;
    const all = noFilter();
    return { page: await store.devices(deviceQuery(all)), filter: all, problem: error.message };
  }
}

async function readDevice(store: Options["store"], name: string, now: number) {
  const id = DeviceId.safeParse(name).data;
  const row = id === undefined ? null : await store.device(id);
  if (row === null) return undefined;
  const device = row.id;
  const [desired, updates, events] = await Promise.all([
    store.desired(device),
    readUpdates(store, { device, limit: 10 }),
    store.events({ device, limit: 20 }),
  ]);
  return { row, desired, updates: updates.rows, events: events.rows, now };
}

function problemMain(title: string, detail: string): Html {
  return html`<div class="empty"><h1>${title}</h1><p>${detail}</p><p><a href="/">Go to the fleet</a></p></div>`;
}
