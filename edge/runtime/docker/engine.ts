// Talks to one Engine through dockerode: every call bounded in time, counted, failing as a FleetError.
import { Agent } from "node:http";
import type { Readable } from "node:stream";
import Docker from "dockerode";
import { type ContainerCalls, containerCalls } from "#edge/runtime/docker/calls/containers.ts";
import { faultOf, interrupted, statusOf, tooSlow } from "#edge/runtime/docker/calls/faults.ts";
import { type ImageCalls, imageCalls } from "#edge/runtime/docker/calls/images.ts";
import { type StoreCalls, storeCalls } from "#edge/runtime/docker/calls/stores.ts";
import {
  type Call,
  type CallKind,
  callKinds,
  type Transport,
} from "#edge/runtime/docker/calls/transport.ts";
import { asFleetError } from "#shared/errors.ts";

/** The newest API minor version whose documents this runtime knows (1.45 brought volume subpaths). */
const knownMinor = 45;

const readLimitMs = 20_000;

/** One Engine. Every call ends within its limit and throws FleetError runtime_unavailable, runtime_timeout
 *  or runtime_refused; `statusOf` tells the HTTP status behind it. */
export interface Engine extends ContainerCalls, ImageCalls, StoreCalls {
  /** Minor version of the API in use, e.g. 41. */
  apiMinor(): Promise<number>;
  /** How many calls of each kind were made, for proving that an idle loop is idle. */
  counts(): Readonly<Record<CallKind, number>>;
}

interface Modem {
  dial(options: object, done: (error: unknown, data: unknown) => void): void;
}

const accepted = { 200: true, 201: true, 204: true, 304: true };

/** @param options.limitMs for calls that state none; 60 s by default: a Pi's card is slow */
export function createEngine(options: { socketPath: string; limitMs?: number }): Engine {
  const counts = Object.fromEntries(callKinds.map((kind) => [kind, 0])) as Record<CallKind, number>;
  const run: Run = (call, modem, isStream) => {
    counts[call.kind] += 1;
    const limitMs = limitOf(call, options.limitMs ?? 60_000);
    return bounded(call, limitMs, (signal) => dial(modem, call, isStream, signal));
  };
  const agreed = remembered(() => negotiate(options.socketPath, run));
  const through = async <T>(call: Call, isStream: boolean): Promise<T> => {
    const { modem } = await agreed.get();
    return run<T>(call, modem, isStream).catch((error: unknown) => {
      // An Engine that was away may come back as another version.
      if (statusOf(error) === undefined) agreed.forget();
      throw error;
    });
  };
  const transport: Transport = {
    send: (call) => through(call, false),
    open: (call) => through<Readable>(call, true),
  };
  return {
    ...containerCalls(transport),
    ...imageCalls(transport),
    ...storeCalls(transport),
    apiMinor: async () => (await agreed.get()).minor,
    counts: () => ({ ...counts }),
  };
}

type Run = <T>(call: Call, modem: Modem, isStream: boolean) => Promise<T>;

function limitOf(call: Call, limitMs: number): number {
  return call.isRead === true ? Math.min(limitMs, readLimitMs) : (call.limitMs ?? limitMs);
}

async function negotiate(socketPath: string, run: Run): Promise<{ modem: Modem; minor: number }> {
  const call: Call = {
    kind: "version",
    what: "tell its version",
    method: "GET",
    path: "/version",
    isRead: true,
  };
  const minor = minorOf(await run<VersionAnswer>(call, modemOf(socketPath, undefined), false));
  return { modem: modemOf(socketPath, `v1.${minor}`), minor };
}

/** Whether an Engine answers at the socket within 2 s. */
export async function dockerAnswers(socketPath: string): Promise<boolean> {
  return (await findDocker(socketPath)) === "answers";
}

/** Who is at the socket. `silent`: somebody, but without an answer within 2 s, as an Engine that is just
 *  starting, busy or hanging. */
export async function findDocker(socketPath: string): Promise<"answers" | "silent" | "absent"> {
  const engine = createEngine({ socketPath, limitMs: 2000 });
  return engine.apiMinor().then(
    () => "answers",
    (error: unknown) => {
      const isThere = statusOf(error) !== undefined;
      return isThere || asFleetError(error).code === "runtime_timeout" ? "silent" : "absent";
    },
  );
}

interface VersionAnswer {
  ApiVersion: string;
  MinAPIVersion?: string;
}

/** Never newer than the Engine answers, and never older than it still takes. */
function minorOf(answer: VersionAnswer): number {
  const minor = (version: string): number => Number(version.split(".")[1] ?? 0);
  return Math.max(
    Math.min(minor(answer.ApiVersion), knownMinor),
    minor(answer.MinAPIVersion ?? "1.0"),
  );
}

/** Keeps a result until told to forget it, and a failure not at all. */
function remembered<T>(make: () => Promise<T>): { get(): Promise<T>; forget(): void } {
  let made: Promise<T> | undefined;
  const forget = (): void => {
    made = undefined;
  };
  return {
    get: () => {
      made ??= make().catch((error: unknown) => {
        forget();
        throw error;
      });
      return made;
    },
    forget,
  };
}

/** Connections are not kept alive: the Engine is one hop away, and a restarted one leaves dead sockets. */
function modemOf(socketPath: string, version: string | undefined): Modem {
  const settings = {
    socketPath,
    // DOCKER_HOST in the environment would otherwise win over the socket.
    host: undefined,
    protocol: "http",
    agent: new Agent({ keepAlive: false }),
    ...(version === undefined ? {} : { version }),
  } as const;
  return new Docker(settings).modem as Modem;
}

/** dockerode's own methods repeat the whole body in the URL and give some calls no abort signal; its
 *  modem does neither. */
function dial<T>(modem: Modem, call: Call, isStream: boolean, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const request = {
    path: `${call.path}?`,
    method: call.method,
    options: { _query: call.query ?? {}, _body: call.body ?? {} },
    statusCodes: accepted,
    abortSignal: signal,
    isStream,
    ...(call.credentials === undefined ? {} : { authconfig: call.credentials }),
  };
  modem.dial(request, (error, data) => (error === null ? resolve(data as T) : reject(error)));
  return promise;
}

/** Runs with a signal that fires after the limit. The race matters: an answer that is cut off in its
 *  middle makes the modem call back never. */
async function bounded<T>(
  call: Call,
  limitMs: number,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = new AbortController();
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(tooSlow(call.what, limitMs));
    deadline.abort();
  }, limitMs);
  const signals = call.signal === undefined ? [] : [call.signal];
  try {
    return await Promise.race([run(AbortSignal.any([deadline.signal, ...signals])), late.promise]);
  } catch (error) {
    throw call.signal?.aborted === true ? interrupted(call.what) : faultOf(call.what, error);
  } finally {
    clearTimeout(timer);
  }
}
