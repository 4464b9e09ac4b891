// What the agent and its forwarder say to each other: one JSON line each way over a Unix socket.

/** An address that a copy of a service listens on. */
export interface Backend {
  host: string;
  port: number;
}

/** One host port and the copies behind it. */
export interface Route extends Backend {
  /** Whose port it is. */
  app: string;
  backends: Backend[];
}

/** `routes` replaces the whole table; absent: only asks. */
export interface ForwardRequest {
  routes?: Route[];
}

export interface ForwardAnswer {
  /** The table as it is. */
  routes: Route[];
  /** Errno by key of the ports that cannot be held now; they are tried again and again. */
  refused: Record<string, string>;
  /** Connections that are open, by backend. */
  open: Record<string, number>;
}

/** Stands for all addresses. */
export const everyAddress = "";

/** e.g. `127.0.0.1:8080`; `:8080` for all addresses. */
export function keyOf({ host, port }: Backend): string {
  return `${host}:${port}`;
}
