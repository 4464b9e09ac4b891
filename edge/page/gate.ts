// Decides who may press buttons and read logs: whoever has the local token.
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { type Problem, problemOf } from "./problem.ts";
import { type Sessions, sessionSeconds } from "./session.ts";
import type { PageToken } from "./token.ts";
import type { Tries } from "./tries.ts";

export interface Gate {
  isSignedIn(c: Context): boolean;
  /** Sets the cookie, or says why not. */
  signIn(c: Context, typed: string): Problem | undefined;
  signOut(c: Context): Problem | undefined;
  /** Why this request may not pass; undefined when it may. */
  refusal(c: Context): Problem | undefined;
}

interface Options {
  token: PageToken;
  sessions: Sessions;
  tries: Tries;
  /** Cookies do not know ports, and several agents may share one address. */
  cookieName: () => string;
}

export function createGate({ token, sessions, tries, cookieName }: Options): Gate {
  const isSignedIn = (c: Context): boolean => sessions.holds(getCookie(c, cookieName()) ?? "");

  const tryToken = (c: Context, typed: string): Problem | undefined => {
    const address = remoteAddress(c);
    const waitMs = tries.waitMs(address);
    if (waitMs > 0) return tooOften(waitMs);
    if (token.matches(typed)) return undefined;
    tries.failed(address);
    return problemOf("token_invalid", "this is not the device's token", whereItIs(token));
  };

  return {
    isSignedIn,
    signIn: (c, typed) => {
      const problem = isSameOrigin(c) ? tryToken(c, typed) : foreign;
      if (problem !== undefined) return problem;
      setCookie(c, cookieName(), sessions.open(), {
        path: "/",
        httpOnly: true,
        sameSite: "Strict",
        maxAge: sessionSeconds,
      });
      return undefined;
    },
    signOut: (c) => {
      if (!isSameOrigin(c)) return foreign;
      deleteCookie(c, cookieName(), { path: "/" });
      return undefined;
    },
    refusal: (c) => {
      const [, bearer] = /^Bearer +(.+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
      // A page elsewhere cannot send this header along: browsers ask the device first, and it says no.
      if (bearer !== undefined) return tryToken(c, bearer);
      if (!isSignedIn(c)) {
        return problemOf("unauthenticated", "this needs the device's token", whereItIs(token));
      }
      return c.req.method === "GET" || isSameOrigin(c) ? undefined : foreign;
    },
  };
}

const foreign = problemOf(
  "forbidden",
  "this form was sent by another site, or by a browser that does not say which",
  "Open the device's page and use the button there.",
);

export function whereItIs({ file }: Pick<PageToken, "file">): string {
  return `It is in the file ${file} on the device.`;
}

function tooOften(waitMs: number): Problem {
  const seconds = Math.ceil(waitMs / 1000);
  const hint = `Wait ${seconds} s, then copy the token exactly.`;
  return problemOf("rate_limited", "five wrong tokens came from this address in a minute", hint);
}

/** Browsers say so in one header at least; a name that was pointed at this device later has no cookie. */
function isSameOrigin(c: Context): boolean {
  const site = c.req.header("sec-fetch-site");
  const origin = c.req.header("origin");
  if (site === undefined && origin === undefined) return false;
  if (site !== undefined && site !== "same-origin") return false;
  return origin === undefined || hostOf(origin) === c.req.header("host");
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function remoteAddress(c: Context): string {
  const incoming: { socket?: { remoteAddress?: string } } | undefined = c.env?.incoming;
  return incoming?.socket?.remoteAddress ?? "unknown";
}
