// What the buttons do: try again, check in depth, restart a service, enter and leave safe mode.
import { type Context, Hono } from "hono";
import { z } from "zod";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import { AppName } from "#shared/ids.ts";
import type { LocalActions } from "./actions.ts";
import { checked, isForm, readBody } from "./body.ts";
import { type Done, doneAt, doneWords } from "./done.ts";
import { expectApp, expectService } from "./expect.ts";
import type { LocalStatus } from "./status.ts";

const RetryBody = z.object({ app: AppName.exactOptional() });

const SafeModeBody = z.discriminatedUnion("do", [
  z.object({ do: z.literal("enter"), reason: z.string().trim().min(1).max(200) }),
  z.object({ do: z.literal("leave") }),
]);

/** A person does not wait longer; what is asked for goes on. */
const patienceMs = 10_000;

interface Parts {
  actions: () => LocalActions | undefined;
  status: () => LocalStatus;
  clock: Pick<Clock, "sleep">;
  /** Told of a request that failed after its answer. */
  onError: (error: FleetError) => void;
}

export function commandRoutes({ actions, status, clock, onError }: Parts): Hono {
  const routes = new Hono();

  const ready = (): LocalActions => {
    const known = actions();
    if (known !== undefined) return known;
    throw new FleetError("precondition_failed", {
      message: "the agent does not run its loop yet",
      hint: "The page says what it waits for.",
    });
  };

  const perform = async (c: Context, done: Done, act: () => void | Promise<void>) => {
    const acting = Promise.resolve().then(act);
    const ended = new AbortController();
    const isLate = await Promise.race([
      acting.then(() => false),
      clock.sleep(patienceMs, ended.signal).then(() => true),
    ]).finally(() => ended.abort());
    if (isLate) acting.catch((error: unknown) => onError(asFleetError(error)));
    return isForm(c) ? c.redirect(doneAt(done), 303) : c.json({ message: doneWords[done] }, 202);
  };

  routes.post("/v1/retry", async (c) => {
    const { app } = checked(RetryBody, await readBody(c));
    if (app !== undefined) expectApp(status(), app);
    return perform(c, "retry", () => ready().retry(app));
  });
  routes.post("/v1/deep-check", (c) => perform(c, "check", () => ready().deepCheck()));
  routes.post("/v1/safe-mode", async (c) => {
    const body = checked(SafeModeBody, await readBody(c));
    if (body.do === "leave") return perform(c, "leave", () => ready().safeMode.leave());
    return perform(c, "enter", () => ready().safeMode.enter(body.reason));
  });
  routes.post("/v1/services/:app/:service/restart", async (c) => {
    const app = checked(AppName, c.req.param("app"));
    const service = c.req.param("service");
    expectService(status(), app, service);
    return perform(c, "restart", () => ready().restartService(app, service));
  });
  return routes;
}
