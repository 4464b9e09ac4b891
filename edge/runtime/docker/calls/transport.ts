// One call to the Engine as data, and the transport that makes it.
import type { Readable } from "node:stream";
import type { Credentials } from "./api.ts";

export const callKinds = [
  "version",
  "list",
  "inspect",
  "create",
  "start",
  "stop",
  "restart",
  "rename",
  "unpause",
  "update",
  "remove",
  "exec",
  "logs",
  "events",
  "inspectImage",
  "pull",
  "probeImage",
  "removeImage",
  "info",
  "inspectNetwork",
  "listNetworks",
  "createNetwork",
  "connect",
  "removeNetwork",
  "listVolumes",
  "removeVolume",
  "inspectVolume",
  "createVolume",
] as const;
export type CallKind = (typeof callKinds)[number];

export interface Call {
  kind: CallKind;
  /** For messages, as an infinitive: `start container web-1`. */
  what: string;
  method: "GET" | "POST" | "DELETE";
  path: string;
  query?: Record<string, unknown>;
  body?: object;
  credentials?: Credentials | undefined;
  /** Only reads, so it gets less time: an idle loop waits for it. */
  isRead?: true;
  /** Ms to the whole answer, or to its first byte when it is a stream. */
  limitMs?: number;
  /** Ends the call, or the stream, from outside. */
  signal?: AbortSignal | undefined;
}

export interface Transport {
  send: <T>(call: Call) => Promise<T>;
  /** The answer's body as it arrives. Destroying it, or the call's signal, closes the connection. */
  open: (call: Call) => Promise<Readable>;
}
