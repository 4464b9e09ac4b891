// The hub's live logs: opens streams on devices, and lets readers of the same log share one.
import { randomBytes } from "node:crypto";
import type { Broker } from "#hub/broker/port.ts";
import type { SigningKey } from "#hub/desired/keys.ts";
import type { Store } from "#hub/store/port.ts";
import { canonicalJson } from "#shared/canonical.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { DeviceId } from "#shared/ids.ts";
import type { StreamId } from "#shared/stream.ts";
import { decode } from "#shared/wire.ts";
import { defaultLiveLimits, type LiveLimits } from "./limits.ts";
import { createLogMeter } from "./meter.ts";
import type { LiveLogs, LogReader, LogRequest } from "./port.ts";
import { createDeviceStream, type DeviceStream } from "./stream.ts";
import { unreachable } from "./unreachable.ts";

interface Options {
  store: Pick<Store, "device">;
  broker: Pick<Broker, "command" | "isConnected" | "onStream">;
  key: SigningKey;
  clock: Clock;
  limits?: Partial<LiveLimits>;
  /** A device has sent what no live stream may be. */
  onRefused?: (device: DeviceId, error: FleetError) => void;
}

interface Known {
  device: DeviceId;
  stream: DeviceStream;
}

export function createLiveLogs(options: Options): LiveLogs {
  const { store, broker, key, clock } = options;
  const limits = { ...defaultLiveLimits, ...options.limits };
  const streams = new Map<StreamId, Known>();

  const meter = createLogMeter();

  const readers = (): number =>
    [...streams.values()].reduce((sum, { stream }) => sum + stream.readers(), 0);
  const ofDevice = (device: DeviceId): DeviceStream[] =>
    [...streams.values()].filter((one) => one.device === device).map(({ stream }) => stream);
  const begin = (device: DeviceId, request: LogRequest): DeviceStream => {
    const id = randomBytes(16).toString("hex");
    const stream = createDeviceStream({
      id,
      device,
      request,
      key,
      send: (command) => broker.command(device, command),
      clock,
      limits,
      onEnd: () => streams.delete(id),
    });
    streams.set(id, { device, stream });
    return stream;
  };
  const share = async (device: DeviceId, request: LogRequest): Promise<LogReader | undefined> => {
    const same = ofDevice(device).filter((one) => isSame(one.request, request));
    for (const stream of same) {
      const reader = await stream.opened.then(
        () => stream.join(request),
        () => undefined,
      );
      if (reader !== undefined) return reader;
    }
    return undefined;
  };
  broker.onStream((device, payload) => {
    try {
      const output = decode("out", payload);
      const known = streams.get(output.stream);
      if (known?.device === device) known.stream.hear(output);
    } catch (error) {
      options.onRefused?.(device, asFleetError(error));
    }
  });
  return {
    open: async (device, request) => {
      const row = await store.device(device);
      if (row === null) throw unknown(device);
      if (!broker.isConnected(device)) throw unreachable(row, clock.now());
      if (readers() >= limits.maxReaders) throw tooMany("readers", limits.maxReaders);
      const shared = request.follow ? await share(device, request) : undefined;
      if (shared !== undefined) return meter.counting(shared);
      const own = ofDevice(device).length;
      if (own >= limits.maxStreamsPerDevice) throw tooMany("streams of this device", own);
      if (streams.size >= limits.maxStreams) throw tooMany("streams", streams.size);
      const stream = begin(device, request);
      const reader = stream.join(request);
      await stream.opened;
      if (reader === undefined) throw new Error("a new stream has a place for its first reader");
      return meter.counting(reader);
    },
    counts: () => ({ streams: streams.size, readers: readers(), ...meter.totals() }),
    stop: () => {
      for (const { stream } of streams.values()) stream.end("lost", "the hub stops");
    },
  };
}

function isSame(one: LogRequest, other: LogRequest): boolean {
  return one.follow && canonicalJson(one.source) === canonicalJson(other.source);
}

function unknown(device: DeviceId): FleetError {
  const message = `no device "${device}" is enrolled here`;
  return new FleetError("not_found", { message, subject: device });
}

function tooMany(what: string, limit: number): FleetError {
  return new FleetError("limit_reached", {
    message: `there are already ${limit} live ${what}`,
    hint: "End one of them, or try again later.",
  });
}
