// What middleware leaves for the handlers of one request.
import type { HttpBindings } from "@hono/node-server";
import type { Logger } from "pino";
import type { Principal } from "#hub/broker/port.ts";

export interface ApiEnv {
  Variables: { principal: Principal };
  /** Absent when a request comes without a socket, as in tests. */
  Bindings: Partial<HttpBindings>;
}

/** The part of pino's logger that the API writes to. */
export type ApiLogger = Pick<Logger, "info" | "warn" | "error">;
