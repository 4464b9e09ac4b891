// The hub's watch stream, read over broken connections: comes back with the last event's id.
import type { DeviceSummary } from "#hub/api/device_view.ts";
import type { EventView } from "#hub/api/event_view.ts";
import type { BranchRow } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { comebackMs, mayComeBack } from "./comeback.ts";
import type { Http } from "./http.ts";
import { sseMessages } from "./sse.ts";

/** `ready` comes at every (re)connection and `resync` when too much changed: read your list now. */
export type WatchMessage =
  | { event: "ready" }
  | { event: "resync" }
  | { event: "device"; data: DeviceSummary }
  | { event: "event"; data: EventView }
  | { event: "branch"; data: BranchRow };

export interface WatchQuery {
  labelSelector?: string;
  device?: string;
  /** Sends the events after this id first. */
  afterEvent?: number;
}

interface Options {
  http: Http;
  query: WatchQuery;
  signal: AbortSignal;
  clock: Clock;
  /** Told when the stream is lost and found. */
  onWatch?: (words: string) => void;
  random?: () => number;
  /** The hub says something every 15 s; a stream that is silent for longer is dead. */
  silenceMs?: number;
}

const pauses = { baseMs: 500, maxMs: 10_000 };

export async function* watchStream(options: Options): AsyncGenerator<WatchMessage> {
  const { signal, clock, onWatch, random = Math.random } = options;
  const place = { lastEventId: options.query.afterEvent, hasBeenOpen: false, failures: 0 };
  while (!signal.aborted) {
    try {
      yield* oneConnection(options, place);
    } catch (error) {
      if (signal.aborted) return;
      if (!place.hasBeenOpen || !isPassing(error)) throw error;
    }
    if (signal.aborted) return;
    if (place.failures === 0) onWatch?.("Lost the hub; trying to come back …");
    await clock.sleep(comebackMs(place.failures, random(), pauses), signal);
    place.failures += 1;
  }
}

interface Place {
  lastEventId: number | undefined;
  hasBeenOpen: boolean;
  /** Connections since the last one that worked. */
  failures: number;
}

async function* oneConnection(options: Options, place: Place): AsyncGenerator<WatchMessage> {
  const { query, onWatch, silenceMs = 45_000 } = options;
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const isAlive = watchdog(silenceMs, () => ending.abort(silence()));
  const { lastEventId } = place;
  try {
    const response = await options.http.send({
      method: "GET",
      path: "/v1/watch",
      query: { labelSelector: query.labelSelector, device: query.device },
      headers: lastEventId === undefined ? {} : { "Last-Event-ID": String(lastEventId) },
      signal,
    });
    if (place.failures > 0) onWatch?.("The hub is back.");
    place.hasBeenOpen = true;
    place.failures = 0;
    if (response.body === null) return;
    for await (const { event, data, id } of sseMessages(response.body, isAlive)) {
      if (id !== undefined) place.lastEventId = Number(id);
      yield { event, data: JSON.parse(data) } as WatchMessage;
    }
  } finally {
    isAlive.stop();
    ending.abort();
  }
}

/** By the name that a timeout of fetch has too. */
function silence(): DOMException {
  return new DOMException("the hub fell silent", "TimeoutError");
}

function watchdog(limitMs: number, act: () => void): { (): void; stop(): void } {
  const timer = setTimeout(act, limitMs);
  return Object.assign(() => void timer.refresh(), { stop: () => clearTimeout(timer) });
}

/** A stream that breaks off throws what the network said; a refusal is a FleetError with its own code. */
function isPassing(error: unknown): boolean {
  return !(error instanceof FleetError) || mayComeBack(error);
}
