// A log as an answer: server-sent events or plain text, written as fast as the client reads and no faster.
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { LogItem, LogReader } from "#hub/logs/port.ts";
import { EndReason, LogLine } from "#shared/stream.ts";
import { responses } from "./answer.ts";
import { component } from "./component.ts";

/** The data of `line`, `dropped`, `caughtUp` and `end` messages. */
export const LogLineView = component("LogLine", LogLine);
export const LogDropped = component("LogDropped", z.object({ bytes: z.int() }));
export const LogCaughtUp = component("LogCaughtUp", z.object({}));
export const LogEndView = component(
  "LogEnd",
  z.object({
    reason: EndReason,
    message: z.string().meta({ description: "One sentence for a person." }),
    code: z.string().exactOptional(),
    hint: z.string().exactOptional(),
  }),
);

export const logDescription = `With \`Accept: text/event-stream\` server-sent events: \`line\` (a LogLine), \`dropped\`
(bytes that were lost here, because they came faster than they were read), \`caughtUp\` (what was there when a
log that is followed was opened has been sent), and as the last one \`end\` (why the stream ends). Else plain text, one line each, with these words in lines that begin with \`--\`.`;

export const logResponses = responses({
  200: {
    description: "The log.",
    content: {
      "text/event-stream": { schema: z.union([LogLineView, LogDropped, LogCaughtUp, LogEndView]) },
      "text/plain": { schema: z.string() },
    },
  },
});

/** Keeps proxies from closing a connection on which nothing is said. */
const beatMs = 15_000;

const headers = {
  "Cache-Control": "no-store",
  // Asks a proxy in front not to gather the stream up.
  "X-Accel-Buffering": "no",
  "X-Content-Type-Options": "nosniff",
};

export function wantsEvents(c: Context): boolean {
  return c.req.header("accept")?.includes("text/event-stream") ?? false;
}

/** Answers with the whole log. The reader is closed when the client goes away. */
export function logResponse(c: Context, reader: LogReader): Response {
  if (wantsEvents(c)) return answer(reader, eventText, "text/event-stream", ": still here\n\n");
  return answer(reader, plainText, "text/plain; charset=utf-8");
}

function answer(
  reader: LogReader,
  textOf: (item: LogItem) => string,
  type: string,
  beat?: string,
): Response {
  return new Response(pulled(reader, textOf, beat), {
    headers: { ...headers, "Content-Type": type },
  });
}

/** Nothing is read ahead of the client: that it does not read holds up the device itself. */
function pulled(
  reader: LogReader,
  textOf: (item: LogItem) => string,
  beat: string | undefined,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const items = reader[Symbol.asyncIterator]();
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const finish = (): void => {
    isOver = true;
    clearInterval(timer);
    reader.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        if (beat === undefined) return;
        // What waits unread says already that the connection lives.
        timer = setInterval(() => {
          if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(beat));
        }, beatMs);
      },
      pull: async (controller) => {
        const { value } = await items.next().catch((error: unknown) => {
          finish();
          throw error;
        });
        // The client left while it waited for a line.
        if (isOver) return;
        if (value !== undefined) controller.enqueue(encoder.encode(textOf(value)));
        if (value !== undefined && value.kind !== "end") return;
        finish();
        controller.close();
      },
      cancel: finish,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 1024 }),
  );
}

/** JSON has no raw line break, so one data line always suffices. */
function eventText(item: LogItem): string {
  return `event: ${item.kind}\ndata: ${JSON.stringify(dataOf(item))}\n\n`;
}

function dataOf(item: LogItem): unknown {
  if (item.kind === "line") return item.line;
  const { kind: _kind, ...data } = item;
  return data;
}

function plainText(item: LogItem): string {
  switch (item.kind) {
    case "line": {
      const { at, from, stream, text } = item.line;
      const words = [new Date(at).toISOString(), from, stream === "stderr" ? "err" : undefined];
      return `${[...words, text].filter((word) => word !== undefined).join(" ")}\n`;
    }
    case "dropped":
      return `-- ${item.bytes} bytes were lost here\n`;
    case "caughtUp":
      return "";
    case "end":
      return item.reason === "complete" ? "" : `-- ${item.reason}: ${item.message}\n`;
  }
}
