// Reads server-sent events from a byte stream.

export interface SseMessage {
  event: string;
  data: string;
  id?: string;
}

/** @param onBytes called whenever something came, comments included
 *  @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
export async function* sseMessages(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void,
): AsyncGenerator<SseMessage> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let text = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      onBytes();
      text += decoder.decode(part.value, { stream: true });
      const blocks = text.split(/\r?\n\r?\n/);
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const message = messageOf(block);
        if (message !== undefined) yield message;
      }
    }
  } finally {
    // A stream that broke meanwhile must not turn the reader's leaving into an error.
    reader.cancel().catch(() => undefined);
  }
}

/** Undefined for a block of comments alone. */
function messageOf(block: string): SseMessage | undefined {
  let event = "message";
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value;
    if (field === "data") data.push(value);
    if (field === "id") id = value;
  }
  if (data.length === 0) return undefined;
  return { event, data: data.join("\n"), ...(id === undefined ? {} : { id }) };
}
