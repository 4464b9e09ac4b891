// The pages for people: status, sign-in, logs, and problems with what a form asked for.
import { type Context, Hono } from "hono";
import { z } from "zod";
import { checked, isForm, readBody } from "./body.ts";
import { doneAt, doneText } from "./done.ts";
import type { Gate } from "./gate.ts";
import type { Html } from "./html.ts";
import type { LastLines } from "./logs.ts";
import { logPage, problemPage, signInPage, statusPage } from "./page.ts";
import { type Problem, sendProblem } from "./problem.ts";
import type { PageView } from "./view.ts";

interface Parts {
  gate: Gate;
  view: (c: Context) => PageView;
  lastLines: LastLines;
}

export interface Pages {
  routes: Hono;
  /** The problem as this client can read it. */
  refuse(c: Context, problem: Problem): Response | Promise<Response>;
}

/** Without JavaScript; someone reads and types meanwhile. */
const refreshSeconds = 30;

const SignInBody = z.object({ token: z.string().min(1).max(200) });
const LogChoice = z.object({
  source: z.string().max(200).default(""),
  tail: z.string().default("50"),
});

export function createPages({ gate, view, lastLines }: Parts): Pages {
  const routes = new Hono();

  const refuse: Pages["refuse"] = (c, problem) => {
    if (!isForm(c) && c.req.path !== "/logs") {
      const isUnknown = problem.status === 401;
      return sendProblem(problem, isUnknown ? { "www-authenticate": "Bearer" } : {});
    }
    const needsToken = [401, 429].includes(problem.status);
    const page = needsToken
      ? signInPage(view(c), `${capital(problem.detail)}. ${problem.hint ?? ""}`)
      : problemPage(view(c), { ...problem, detail: capital(problem.detail) });
    return c.html(page, problem.status);
  };

  routes.get("/", (c) => {
    const isStill = c.req.query("refresh") === "off";
    const note = doneText(c.req.query("done"));
    return c.html(
      statusPage({ ...view(c), note, refreshSeconds: isStill ? undefined : refreshSeconds }),
    );
  });
  routes.get("/sign-in", (c) => c.html(signInPage(view(c))));
  routes.post("/sign-in", async (c) => {
    const { token } = checked(SignInBody, await readBody(c));
    const problem = gate.signIn(c, token);
    return problem === undefined ? c.redirect(doneAt("sign-in"), 303) : refuse(c, problem);
  });
  routes.post("/sign-out", (c) => {
    const problem = gate.signOut(c);
    return problem === undefined ? c.redirect(doneAt("sign-out"), 303) : refuse(c, problem);
  });
  routes.get("/logs", async (c): Promise<Response> => {
    const problem = gate.refusal(c);
    if (problem !== undefined) return refuse(c, problem);
    const { source, tail } = checked(LogChoice, c.req.query());
    const [app = "", service = ""] = source.split("/");
    const query = source === "" ? { tail } : { app, service, tail };
    const page: Html = logPage(view(c), { source, tail, lines: await lastLines(query) });
    return c.html(page);
  });
  return { routes, refuse };
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}
