// Signing in and out: a token or a single-use code becomes a session cookie.

import type { Context } from "hono";
import { Hono } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { html } from "hono/html";
import type { ApiEnv } from "#hub/api/env.ts";
import { sessionOperator } from "#hub/api/guards.ts";
import { createLimiter } from "#hub/api/limiter.ts";
import { isSameOrigin, remoteAddress } from "#hub/api/origin.ts";
import { type Sessions, sessionCookie, sessionSeconds } from "#hub/api/sessions.ts";
import type { Authenticator } from "#hub/broker/port.ts";
import type { Clock } from "#shared/clock.ts";
import { icon } from "./badge.ts";
import type { Html } from "./html.ts";
import type { PageParts } from "./layout.ts";

interface Options {
  sessions: Sessions;
  authenticator: Authenticator;
  clock: Clock;
  send: (
    c: Context,
    parts: PageParts,
    status?: 200 | 400 | 401 | 403 | 429,
  ) => Response | Promise<Response>;
}

export function signInRoutes({ sessions, authenticator, clock, send }: Options): Hono<ApiEnv> {
  const limiter = createLimiter({ clock, burst: 10, refillMs: 6000 });
  const app = new Hono<ApiEnv>();
  const open = (c: Context, operator: string): void => {
    setCookie(c, sessionCookie, sessions.open(operator), {
      path: "/",
      httpOnly: true,
      sameSite: "Strict",
      secure: isSecure(c),
      maxAge: sessionSeconds,
    });
  };
  const refuse = (c: Context, problem: string, status: 401 | 403 | 429) => {
    limiter.fail(remoteAddress(c));
    return send(c, signInPage(nextOf(c), problem), status);
  };

  app.get("/sign-in", (c) => {
    const code = c.req.query("code");
    if (code === undefined) {
      const isIn = sessionOperator(c, sessions) !== undefined;
      return isIn ? c.redirect(nextOf(c), 303) : send(c, signInPage(nextOf(c)));
    }
    if (!limiter.allows(remoteAddress(c))) return refuse(c, tooMany, 429);
    const operator = sessions.redeemCode(code);
    if (operator === undefined) return refuse(c, "This code was used already or is too old.", 401);
    open(c, operator);
    return send(c, signedInPage());
  });
  app.post("/sign-in", async (c) => {
    if (!isSameOrigin(c)) return refuse(c, "This form was sent by another site.", 403);
    if (!limiter.allows(remoteAddress(c))) return refuse(c, tooMany, 429);
    const { token } = await c.req.parseBody();
    const principal = typeof token === "string" ? await authenticator.operator(token.trim()) : null;
    if (principal?.kind !== "operator") return refuse(c, "The hub knows no such token.", 401);
    open(c, principal.name);
    return c.redirect(nextOf(c), 303);
  });
  app.post("/sign-out", (c) => {
    if (!isSameOrigin(c)) return refuse(c, "This form was sent by another site.", 403);
    sessions.close(getCookie(c, sessionCookie) ?? "");
    deleteCookie(c, sessionCookie, { path: "/", secure: isSecure(c) });
    return c.redirect("/sign-in", 303);
  });
  return app;
}

const tooMany = "Too many tries from this address. Wait a minute.";

/** A proxy that ends TLS says so. */
function isSecure(c: Context): boolean {
  return c.req.url.startsWith("https:") || c.req.header("x-forwarded-proto") === "https";
}

/** Where the operator wanted to go: a path of this hub and nothing else. */
function nextOf(c: Context): string {
  const next = c.req.query("next") ?? "/";
  const base = "http://hub.invalid";
  if (!URL.canParse(next, base)) return "/";
  const { origin, pathname, search } = new URL(next, base);
  return origin === base && !pathname.startsWith("//") ? `${pathname}${search}` : "/";
}

export function signInHref(next: string): string {
  return next === "/" ? "/sign-in" : `/sign-in?${new URLSearchParams({ next }).toString()}`;
}

function signInPage(next: string, problem?: string): PageParts {
  return { title: "Sign in", main: signInForm(next, problem) };
}

function signInForm(next: string, problem: string | undefined): Html {
  const note =
    problem === undefined
      ? ""
      : html`<p class="note bad" role="alert" id="problem">${icon("cross")}<span>${problem}</span></p>`;
  const described =
    problem === undefined ? "" : html` aria-describedby="problem" aria-invalid="true"`;
  return html`<div class="sign-in card"><h1>Sign in</h1>${note}
<form method="post" action="${signInHref(next)}">
<label>Operator's token <input type="password" name="token" required autocomplete="current-password" spellcheck="false" autofocus${described}></label>
<button>Sign in</button></form>
<p class="muted">The hub wrote the token to <code>operator.token</code> in its data directory when it first started.</p></div>`;
}

/** A page and not a redirect: a browser that came from another site would not send the new cookie along
 *  with a redirect, because the cookie is SameSite=Strict. */
function signedInPage(): PageParts {
  const main = html`<div class="sign-in card"><h1>Signed in</h1><p><a class="button" href="/">Go to the fleet</a></p></div>`;
  return { title: "Signed in", main, goTo: "/" };
}
