// Which hub a command speaks to, and with which token: environment first, then the contexts.
import { FleetError } from "#shared/errors.ts";
import type { Context, Contexts } from "./contexts.ts";
import { nearest } from "./nearest.ts";

/** A token goes only to the hub that it belongs to: FLEET_HUB with the address of another one never
 *  gets the token of a context. Pure.
 *  @param named by --context
 *  @throws FleetError unauthenticated, config_invalid, request_invalid */
export function targetOf(
  env: NodeJS.ProcessEnv,
  contexts: Contexts,
  named: string | undefined,
): Context {
  const [hub, token] = [env["FLEET_HUB"] || undefined, env["FLEET_TOKEN"] || undefined];
  if (named !== undefined) return contextNamed(contexts, named);
  const stored = hub === undefined ? currentOf(contexts) : contextAt(contexts, baseOf(hub));
  const url = hub === undefined ? stored?.url : baseOf(hub);
  if (url === undefined) throw noHub();
  const known = token ?? stored?.token;
  if (known === undefined) throw noToken(url);
  return { url, token: known };
}

/** The address without a trailing slash, so that the same hub has one name. Pure.
 *  @throws FleetError request_invalid */
export function baseOf(text: string): string {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `http://${text}`);
  if (url !== null && /^https?:$/.test(url.protocol) && url.username === "") {
    return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
  }
  throw new FleetError("request_invalid", {
    message: `"${text}" is not the address of a hub`,
    hint: "Write it as http://hub.example.org:7080.",
  });
}

export function contextNamed({ contexts }: Contexts, name: string): Context {
  const context = Object.hasOwn(contexts, name) ? contexts[name] : undefined;
  if (context !== undefined) return context;
  const names = Object.keys(contexts);
  const close = nearest(name, names);
  throw new FleetError("config_invalid", {
    message: `there is no context "${name}"`,
    hint:
      close.length > 0
        ? `Did you mean ${close.join(" or ")}?`
        : `Make it with: fleet login URL --context ${name}`,
  });
}

function currentOf({ current, contexts }: Contexts): Context | undefined {
  return current === null ? undefined : contexts[current];
}

function contextAt({ contexts }: Contexts, url: string): Context | undefined {
  return Object.values(contexts).find((context) => context.url === url);
}

function noHub(): FleetError {
  return new FleetError("unauthenticated", {
    message: "no hub is known yet",
    hint: "Sign in with: fleet login URL, or set FLEET_HUB and FLEET_TOKEN.",
  });
}

function noToken(url: string): FleetError {
  return new FleetError("unauthenticated", {
    message: `no token for the hub at ${url} is known`,
    hint: `Sign in with: fleet login ${url}, or set FLEET_TOKEN.`,
  });
}
