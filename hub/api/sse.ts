// One client's server-sent events: a byte stream that is dropped once the client falls behind.

/** @see https://html.spec.whatwg.org/multipage/server-sent-events.html */
export interface SseMessage {
  event: string;
  data: unknown;
  id?: number;
}

export interface SseClient {
  readonly stream: ReadableStream<Uint8Array>;
  send(message: SseMessage): void;
  /** A line that readers leave aside; keeps proxies from closing an idle connection. */
  comment(text: string): void;
  /** How much more the client may fall behind. */
  roomBytes(): number;
  /** Resolves when the client has read what it was sent, or is gone. */
  drained(): Promise<void>;
  close(): void;
  readonly isClosed: boolean;
}

/** @param options.maxBehindBytes what may wait for the client before it is dropped
 *  @param options.onClose called once, whoever closed */
export function createSseClient(options: {
  maxBehindBytes: number;
  onClose: () => void;
}): SseClient {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  let waiting = Promise.withResolvers<void>();
  const finish = (): void => {
    if (controller === undefined) return;
    controller = undefined;
    waiting.resolve();
    options.onClose();
  };
  const stream = new ReadableStream<Uint8Array>(
    {
      start: (own) => {
        controller = own;
      },
      pull: () => {
        waiting.resolve();
        waiting = Promise.withResolvers();
      },
      cancel: finish,
    },
    new ByteLengthQueuingStrategy({ highWaterMark: options.maxBehindBytes }),
  );
  const room = (): number => controller?.desiredSize ?? 0;
  const close = (): void => {
    controller?.close();
    finish();
  };
  const write = (text: string): void => {
    controller?.enqueue(encoder.encode(text));
    // A reader that came back would ask for what it missed; holding on would cost memory without end.
    if (room() <= 0) close();
  };
  return {
    stream,
    send: (message) => write(textOf(message)),
    comment: (text) => write(`: ${text}\n\n`),
    roomBytes: room,
    drained: () => waiting.promise,
    close,
    get isClosed() {
      return controller === undefined;
    },
  };
}

/** JSON has no raw line break, so one data line always suffices. */
function textOf({ event, data, id }: SseMessage): string {
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return `${idLine}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
