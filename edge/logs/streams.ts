// The device's live streams: takes the hub's signed commands, and sends what the streams have to say over
// whichever connection there is.
//
// A command is obeyed only when a pinned key of the hub signed it for this device. An `open` must also name
// a nonce that this device itself made seconds ago, by its own timer, and gave out once: so a command that
// was recorded, held back or sent twice opens nothing, whatever the clocks say.
import { type KeyObject, randomBytes } from "node:crypto";
import type { SyncStreams } from "#edge/sync/port.ts";
import { createWake } from "#edge/sync/wake.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import { type OpenCommand, openCommand, type StreamId, type StreamOutput } from "#shared/stream.ts";
import { decode } from "#shared/wire.ts";
import { defaultStreamLimits, type StreamLimits } from "./limits.ts";
import { createPace } from "./pace.ts";
import type { OpenSource } from "./source.ts";
import { createOutStream, type OutStream } from "./stream.ts";

export interface LiveStreams extends SyncStreams {
  /** Lets go of every source. */
  stop(): void;
}

interface Options {
  device: DeviceId;
  /** The hub's public keys by their id. */
  trusted: ReadonlyMap<string, KeyObject>;
  open: OpenSource;
  clock: Clock;
  limits?: Partial<StreamLimits>;
}

const tickMs = 1000;

export function createLiveStreams(options: Options): LiveStreams {
  const { device, trusted, clock } = options;
  const limits = { ...defaultStreamLimits, ...options.limits };
  const pace = createPace(clock, limits.maxCostPerSecond);
  const streams = new Map<StreamId, OutStream>();
  const nonces = createNonces(clock, limits);
  const stopping = new AbortController();
  const news = createWake();
  let answers: StreamOutput[] = [];
  let isTicking = false;

  const answer = (output: StreamOutput): void => {
    answers = [...answers.slice(1 - limits.maxNonces), output];
    news.set();
  };
  const tick = async (): Promise<void> => {
    isTicking = true;
    while (streams.size > 0 && !stopping.signal.aborted) {
      await clock.sleep(tickMs, stopping.signal);
      for (const [id, stream] of streams) if (!stream.tick()) streams.delete(id);
    }
    isTicking = false;
  };
  const begin = (command: OpenCommand): void => {
    const stream = createOutStream({
      command,
      open: (wanted) => options.open(command.source, wanted),
      clock,
      pace,
      onNews: news.set,
    });
    streams.set(command.stream, stream);
    if (!isTicking) void tick();
  };
  const open = (command: OpenCommand): void => {
    if (!nonces.redeem(command.stream, command.nonce)) throw staleCommand();
    if (streams.size < limits.maxStreams) begin(command);
    else answer(tooMany(command.stream, limits.maxStreams));
  };
  const forget = (id: StreamId): void => {
    streams.get(id)?.drop();
    streams.delete(id);
  };
  /** Each stream in turn, so that one that has much to say does not silence the others. */
  const next = (): StreamOutput | undefined => {
    const first = answers.shift();
    if (first !== undefined) return first;
    for (const [id, stream] of streams) {
      const message = stream.next();
      if (message === undefined) continue;
      streams.delete(id);
      streams.set(id, stream);
      return message;
    }
    return undefined;
  };
  return {
    receive: (payload) => {
      const command = openCommand(decode("cmd", payload), device, trusted);
      switch (command.kind) {
        case "ask":
          return answer({
            kind: "nonce",
            stream: command.stream,
            nonce: nonces.issue(command.stream),
          });
        case "open":
          return open(command);
        case "credit":
          return streams.get(command.stream)?.credit(command);
        case "close":
          return forget(command.stream);
      }
    },
    run: async (send, signal) => {
      const over = whenAborted(signal);
      for (const stream of streams.values()) stream.resume();
      while (!signal.aborted) {
        const message = next();
        // A connection that ends may leave a message without an answer for ever.
        if (message === undefined) await news.wait(signal);
        else await Promise.race([send(message), over]);
      }
    },
    stop: () => {
      stopping.abort();
      for (const id of [...streams.keys()]) forget(id);
    },
  };
}

function createNonces(clock: Clock, { nonceMs, maxNonces }: StreamLimits) {
  const issued = new Map<StreamId, { nonce: string; untilMs: number }>();
  return {
    issue: (stream: StreamId): string => {
      const nonce = randomBytes(16).toString("hex");
      issued.delete(stream);
      issued.set(stream, { nonce, untilMs: clock.monotonicMs() + nonceMs });
      const [oldest] = issued.keys();
      if (issued.size > maxNonces && oldest !== undefined) issued.delete(oldest);
      return nonce;
    },
    /** Once. */
    redeem: (stream: StreamId, nonce: string): boolean => {
      const known = issued.get(stream);
      if (known === undefined || known.nonce !== nonce) return false;
      issued.delete(stream);
      return clock.monotonicMs() < known.untilMs;
    },
  };
}

function staleCommand(): FleetError {
  return new FleetError("envelope_invalid", {
    message: "a command to open a stream names no nonce that this device has just given out",
    hint: "It came too late, or somebody has sent an old one again.",
  });
}

function tooMany(stream: StreamId, maxStreams: number): StreamOutput {
  return {
    kind: "end",
    stream,
    seq: 1,
    reason: "refused",
    code: "limit_reached",
    message: `this device already serves ${maxStreams} live streams`,
    hint: "End one of them, or try again later.",
  };
}

function whenAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}
