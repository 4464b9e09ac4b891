// Where a request comes from: the remote address, and whether the hub's own page sent it.
import type { Context } from "hono";

export function remoteAddress(c: Context): string {
  const incoming: { socket?: { remoteAddress?: string } } | undefined = c.env?.incoming;
  return incoming?.socket?.remoteAddress ?? "unknown";
}

/** Whether the request's Origin is this hub. Browsers send Origin with every POST; only the host is
 *  compared, since a proxy in front may speak TLS where the hub does not. */
export function isSameOrigin(c: Context): boolean {
  const origin = c.req.header("origin");
  if (origin === undefined || !URL.canParse(origin)) return false;
  return new URL(origin).host === hostOf(c);
}

function hostOf(c: Context): string {
  return c.req.header("host") ?? new URL(c.req.url).host;
}
