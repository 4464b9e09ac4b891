// Who may call a route: devices by HTTP Basic, operators by Bearer token or the page's session.
import type { Context, MiddlewareHandler } from "hono";
import { getCookie } from "hono/cookie";
import type { Authenticator, Principal } from "#hub/broker/port.ts";
import type { ApiEnv } from "./env.ts";
import { isSameOrigin } from "./origin.ts";
import { sendProblem } from "./problem.ts";
import { type Sessions, sessionCookie } from "./sessions.ts";

type Guard = MiddlewareHandler<ApiEnv>;
type Ask = (c: Context<ApiEnv>) => Promise<Principal | null>;

export interface Guards {
  operator: Guard;
  /** A device; on a path with `{id}` only that device. */
  device: Guard;
  /** Either of both. */
  any: Guard;
}

const challenges = {
  operator: 'Bearer realm="metrica-fleet"',
  device: 'Basic realm="metrica-fleet", charset="UTF-8"',
};

export function createGuards(options: {
  authenticator: Authenticator;
  sessions: Sessions;
}): Guards {
  const device: Ask = (c) => askDevice(c, options.authenticator);
  const operator: Ask = (c) => askOperator(c, options);
  const any: Ask = async (c) => (await device(c)) ?? (await operator(c));
  return {
    operator: guard(operator, challenges.operator, "Send an operator's token as Bearer."),
    device: guard(device, challenges.device, "Send the device's id and secret as Basic."),
    any: guard(any, `${challenges.device}, ${challenges.operator}`, "Send credentials."),
  };
}

function guard(ask: Ask, challenge: string, hint: string): Guard {
  return async (c, next) => {
    const principal = await ask(c);
    if (principal === null) {
      const detail = "this route wants credentials that the hub knows";
      const headers = { "WWW-Authenticate": challenge };
      return sendProblem(c, { code: "unauthenticated", detail, hint }, headers);
    }
    const refusal = refusalOf(c, principal);
    if (refusal !== undefined) return sendProblem(c, { code: "forbidden", detail: refusal });
    c.set("principal", principal);
    await next();
    return undefined;
  };
}

function refusalOf(c: Context<ApiEnv>, principal: Principal): string | undefined {
  const id = c.req.param("id");
  if (principal.kind === "device" && id !== undefined && id !== principal.id) {
    return `device ${principal.id} may not use the paths of another device`;
  }
  const bySession = principal.kind === "operator" && bearerOf(c) === undefined;
  const reads = c.req.method === "GET" || c.req.method === "HEAD";
  if (bySession && !reads && !isSameOrigin(c)) return "this act was asked for by another site";
  return undefined;
}

async function askDevice(
  c: Context<ApiEnv>,
  authenticator: Authenticator,
): Promise<Principal | null> {
  const presented = basicOf(c);
  return presented === undefined ? null : authenticator.device(presented.id, presented.secret);
}

/** What a device presents, true or not (RFC 7617). */
export function basicOf(c: Context): { id: string; secret: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(c.req.header("authorization") ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, "base64").toString()) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

async function askOperator(
  c: Context<ApiEnv>,
  { authenticator, sessions }: { authenticator: Authenticator; sessions: Sessions },
): Promise<Principal | null> {
  const token = bearerOf(c);
  if (token !== undefined) return authenticator.operator(token);
  const name = sessionOperator(c, sessions);
  return name === undefined ? null : { kind: "operator", name };
}

/** For logs and events. */
export function principalName(principal: Principal): string {
  return principal.kind === "operator" ? principal.name : principal.id;
}

/** The operator whose session the request's cookie names. */
export function sessionOperator(c: Context, sessions: Sessions): string | undefined {
  const id = getCookie(c, sessionCookie);
  return id === undefined ? undefined : sessions.find(id);
}

function bearerOf(c: Context): string | undefined {
  return /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
}
