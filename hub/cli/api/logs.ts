// One log of the hub as it comes: lines, what was lost between them, and why it ended.
import type { LogEnd } from "#hub/logs/port.ts";
import { FleetError } from "#shared/errors.ts";
import type { LogLine } from "#shared/stream.ts";
import type { Http } from "./http.ts";
import { sseMessages } from "./sse.ts";

export type LogMessage =
  | { event: "line"; data: LogLine }
  | { event: "dropped"; data: { bytes: number } }
  | { event: "caughtUp"; data: object }
  | { event: "end"; data: Omit<LogEnd, "kind"> };

interface Options {
  http: Http;
  path: string;
  query: Record<string, string | number | undefined>;
  /** To the first byte: the hub asks the device first. */
  openMs: number;
  /** The hub says something every 15 s; a stream that is silent for longer is dead. */
  silenceMs?: number;
}

/** Ends after the message `end`.
 *  @throws FleetError when the hub refuses, or the stream breaks off without that message */
export async function* logStream(options: Options): AsyncGenerator<LogMessage> {
  const { http, path, query, openMs, silenceMs = 45_000 } = options;
  const ending = new AbortController();
  const late = (): void => ending.abort(new DOMException("no answer", "TimeoutError"));
  let timer = setTimeout(late, openMs);
  const isAlive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(late, silenceMs);
  };
  try {
    const headers = { Accept: "text/event-stream" };
    const { signal } = ending;
    const response = await http.send({ method: "GET", path, query, headers, signal });
    isAlive();
    if (response.body === null) return;
    for await (const { event, data } of messages(response.body, isAlive)) {
      const message = { event, data: JSON.parse(data) } as LogMessage;
      yield message;
      if (message.event === "end") return;
    }
    throw brokenOff(undefined);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

async function* messages(body: ReadableStream<Uint8Array>, isAlive: () => void) {
  try {
    yield* sseMessages(body, isAlive);
  } catch (cause) {
    throw brokenOff(cause);
  }
}

function brokenOff(cause: unknown): FleetError {
  return new FleetError("hub_unreachable", {
    message: "the hub ended the log in its middle; it may have stopped",
    hint: "Begin again with --since; lines may come twice.",
    ...(cause === undefined ? {} : { cause }),
  });
}
