// One live stream of a device as the hub keeps it: asks for a nonce, opens with it, gives credit as readers
// read, puts messages in order, and ends with a clear word.
import type { SigningKey } from "#hub/desired/keys.ts";
import type { Clock } from "#shared/clock.ts";
import { type ErrorCode, errorCodes, FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import {
  type EndReason,
  type NumberedOutput,
  type StreamCommand,
  type StreamId,
  type StreamOutput,
  sealCommand,
} from "#shared/stream.ts";
import type { Message } from "#shared/wire.ts";
import type { LiveLimits } from "./limits.ts";
import type { LogEnd, LogReader, LogRequest } from "./port.ts";
import { createTape } from "./tape.ts";

export interface DeviceStream {
  readonly request: LogRequest;
  /** Resolves once the device has begun to answer.
   *  @throws FleetError what the device refused with, or device_unreachable */
  readonly opened: Promise<void>;
  hear(output: StreamOutput): void;
  /** Undefined: a reader with this wish needs a stream of its own. */
  join(wanted: LogRequest): LogReader | undefined;
  readers(): number;
  end(reason: EndReason, message: string): void;
}

interface Options {
  id: StreamId;
  device: DeviceId;
  request: LogRequest;
  key: SigningKey;
  send: (command: Message<"cmd">) => void;
  clock: Clock;
  limits: LiveLimits;
  /** Called once. */
  onEnd: () => void;
}

export function createDeviceStream(options: Options): DeviceStream {
  const { id: stream, device, request, key, clock, limits, onEnd } = options;
  const opened = Promise.withResolvers<void>();
  const over = new AbortController();
  let isAnswering = false;
  let isOpening = false;
  let heardMs = clock.monotonicMs();
  let received = 0;
  let granted = limits.windowCost;
  let number = 0;
  let hasGap = false;

  const command = (content: StreamCommand): void =>
    options.send(sealCommand(content, key.privateKey, key.id));
  const addressed = { device, stream };
  const renew = (): void => {
    granted = Math.max(granted, tape.takenCost() + limits.windowCost);
    number += 1;
    const again = hasGap ? { again: true as const } : {};
    command({ kind: "credit", ...addressed, number, credit: granted, received, ...again });
  };
  /** Not for each line: a message for every half window is enough to keep the device going. */
  const onTaken = (): void => {
    if (over.signal.aborted) return;
    if (tape.readers() === 0) end("closed", "nobody reads any more");
    else if (tape.takenCost() + limits.windowCost - granted >= limits.windowCost / 2) renew();
  };
  const tape = createTape({ ...limits, monotonicMs: clock.monotonicMs, onTaken });
  // Joined before it opens, so that it is there for whoever asked first.
  const first = tape.reader();

  const finish = (last: LogEnd): void => {
    if (over.signal.aborted) return;
    over.abort();
    tape.end(last);
    number += 1;
    command({ kind: "close", ...addressed, number });
    if (isAnswering) opened.resolve();
    else opened.reject(errorOf(last));
    onEnd();
  };
  const end = (reason: EndReason, message: string): void =>
    finish({ kind: "end", reason, message });
  const take = (output: NumberedOutput): void => {
    // Heard before, or something before it was lost and comes again first.
    if (output.seq !== received + 1) {
      if (output.seq > received && !hasGap) {
        hasGap = true;
        renew();
      }
      return;
    }
    hasGap = false;
    received = output.seq;
    if (output.kind === "lines") {
      isAnswering = true;
      opened.resolve();
      tape.push(output.lines, output.droppedBytes ?? 0);
      if (output.caughtUp === true) tape.catchUp();
      return;
    }
    const { reason, message, code, hint } = output;
    const about = {
      ...(code === undefined ? {} : { code }),
      ...(hint === undefined ? {} : { hint }),
    };
    finish({ kind: "end", reason, message, ...about });
  };
  const open = (nonce: string): void => {
    // A nonce is good once; a second one is an answer to nothing.
    if (isOpening) return;
    isOpening = true;
    const { source, follow, tail, sinceMs } = request;
    const age =
      sinceMs === undefined ? {} : { maxAgeMs: Math.max(0, Math.round(clock.now() - sinceMs)) };
    const { leaseMs, lifetimeMs } = limits;
    const wish = { source, follow, tail, ...age, credit: granted, leaseMs, lifetimeMs };
    command({ kind: "open", ...addressed, nonce, ...wish });
  };
  const watch = async (): Promise<void> => {
    const beganMs = clock.monotonicMs();
    while (!over.signal.aborted) {
      await clock.sleep(limits.renewMs, over.signal);
      if (over.signal.aborted) return;
      const now = clock.monotonicMs();
      if (!isAnswering && now - beganMs >= limits.openMs) return end("lost", noAnswer);
      if (now - heardMs >= limits.silenceMs) return end("lost", lost);
      if (isAnswering) renew();
    }
  };
  // Whoever asked hears of it; nobody else need.
  opened.promise.catch(() => undefined);
  command({ kind: "ask", ...addressed });
  void watch();

  let isTaken = false;
  return {
    request,
    opened: opened.promise,
    hear: (output) => {
      if (over.signal.aborted) return;
      heardMs = clock.monotonicMs();
      if (output.kind === "nonce") open(output.nonce);
      else take(output);
    },
    join: (wanted) => {
      if (!isTaken) {
        isTaken = true;
        return first;
      }
      if (over.signal.aborted || !wanted.follow || !request.follow) return undefined;
      const place = tape.cover(wanted, request);
      return place === undefined ? undefined : tape.reader(place);
    },
    readers: tape.readers,
    end,
  };
}

const noAnswer = "the device did not answer; its agent may be older than live logs";
const lost = "the connection to the device was lost";

function errorOf({ reason, message, code, hint }: LogEnd): FleetError {
  const known = code !== undefined && Object.hasOwn(errorCodes, code);
  const fallback = reason === "lost" ? "device_unreachable" : "internal";
  return new FleetError(known ? (code as ErrorCode) : fallback, {
    message,
    ...(hint === undefined ? {} : { hint }),
  });
}
