// The rollout pages and their orders: forms that only this hub's own pages can send.
import type { Context } from "hono";
import { Hono } from "hono";
import type { ApiEnv } from "#hub/api/env.ts";
import { sessionOperator } from "#hub/api/guards.ts";
import { isSameOrigin } from "#hub/api/origin.ts";
import type { Sessions } from "#hub/api/sessions.ts";
import type { RolloutController } from "#hub/rollout/controller.ts";
import type { Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { PageParts } from "./layout.ts";
import { rolloutListMain } from "./rollout_list.ts";
import { isOffered } from "./rollout_orders.ts";
import { rolloutMain } from "./rollout_page.ts";

export type RolloutPagesControl = Pick<
  RolloutController,
  "order" | "haltFleet" | "fleetHalt" | "waitsFor"
>;

interface Options {
  store: Pick<Store, "rollout" | "rollouts" | "rolloutMembers" | "latestRollouts" | "bisectOf">;
  rollouts: RolloutPagesControl;
  sessions: Sessions;
  clock: Clock;
  send: (
    c: Context,
    parts: PageParts,
    status?: 200 | 400 | 403 | 404 | 409,
  ) => Response | Promise<Response>;
}

const listed = 50;
/** The controller looks at what a device said after 200 ms. */
const live = { live: "/v1/watch", lateMs: 400 };
/** An order that was refused is answered at its own address, which only takes orders. */
const at = (path: string) => ({ ...live, at: path });

/** Every route wants a session, which the caller sees to. */
export function rolloutPages(options: Options): Hono<ApiEnv> {
  const { store, rollouts, sessions, clock, send } = options;
  const app = new Hono<ApiEnv>();

  const list = async (c: Context, problem?: Problem): Promise<Response> => {
    const [newest, { rows }] = await Promise.all([
      store.latestRollouts(),
      store.rollouts({ limit: listed }),
    ]);
    const halt = rollouts.fleetHalt();
    const main = rolloutListMain({ newest, rows, halt, now: clock.now() });
    const told = { operator: sessionOperator(c, sessions), problem: problem?.words };
    return send(c, { title: "Rollouts", main, ...told, ...at("/rollouts") }, problem?.status);
  };
  const item = async (c: Context, id: number, problem?: Problem): Promise<Response> => {
    const row = Number.isSafeInteger(id) ? await store.rollout(id) : null;
    if (row === null) return list(c, { words: `No rollout has the number ${id}.`, status: 404 });
    const [members, bisect] = await Promise.all([store.rolloutMembers(id), store.bisectOf(id)]);
    const waitsFor = rollouts.waitsFor(id);
    const main = rolloutMain({ row, members, bisect, waitsFor, now: clock.now() });
    const told = { operator: sessionOperator(c, sessions), problem: problem?.words };
    const title = `${row.deployment} #${id}`;
    return send(c, { title, main, ...told, ...at(`/rollouts/${id}`) }, problem?.status);
  };

  app.get("/rollouts", (c) => list(c));
  app.get("/rollouts/:id", (c) => item(c, Number(c.req.param("id"))));
  app.post("/rollouts/fleet/:act", async (c) => {
    const act = c.req.param("act");
    if (act !== "halt" && act !== "resume") return c.notFound();
    const given = await wordOf(c, sessions);
    if ("words" in given) return list(c, given);
    await rollouts.haltFleet({ isHalted: act === "halt", ...given });
    return c.redirect("/rollouts", 303);
  });
  app.post("/rollouts/:id/:order", async (c) => {
    const [id, name] = [Number(c.req.param("id")), c.req.param("order")];
    if (!isOffered(name)) return c.notFound();
    const given = await wordOf(c, sessions);
    if ("words" in given) return item(c, id, given);
    try {
      await rollouts.order(id, { name, ...given, ...(await stepOf(c)) });
    } catch (error) {
      if (!(error instanceof FleetError) || error.retry === "later") throw error;
      return item(c, id, { words: error.sentence, status: 409 });
    }
    return c.redirect(`/rollouts/${id}`, 303);
  });
  return app;
}

/** The step that the page showed beside the button. */
async function stepOf(c: Context): Promise<{ step?: number }> {
  const step = Number((await c.req.parseBody())["step"]);
  return Number.isSafeInteger(step) && step > 0 ? { step: step - 1 } : {};
}

interface Problem {
  words: string;
  status: 400 | 403 | 404 | 409;
}

/** Whose order it is and why; or what is wrong with the form. */
async function wordOf(
  c: Context,
  sessions: Sessions,
): Promise<Problem | { operator: string; reason: string }> {
  const operator = sessionOperator(c, sessions);
  // Without it any site that the operator visits could send the form along with the session.
  if (operator === undefined || !isSameOrigin(c)) {
    return { words: "This form was sent by another site, so nothing was done.", status: 403 };
  }
  const { reason } = await c.req.parseBody();
  const words = typeof reason === "string" ? reason.trim() : "";
  if (words !== "" && words.length <= 500) return { operator, reason: words };
  return { words: "An order wants a reason of at most 500 characters.", status: 400 };
}
