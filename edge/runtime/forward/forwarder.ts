// The agent's side of the forwarder: starts it, tells it the table, and asks what it holds.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { resolve } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { endRun } from "#edge/runtime/process/group.ts";
import { readStat } from "#edge/runtime/process/proc.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { createQueue } from "#shared/serial.ts";
import { type Identity, livingForwarder, withSocketPath } from "./identity.ts";
import {
  type Backend,
  type ForwardAnswer,
  type ForwardRequest,
  keyOf,
  type Route,
} from "./table.ts";

/** The app whose port is held there by the forwarder, if any is. */
export type PortHolder = (place: Backend) => Promise<string | undefined>;

/** One per device. It goes on when the agent ends. */
export interface Forwarder {
  /** Makes the table so, starting the forwarder where none lives; an empty one ends it in its time.
   *  @throws FleetError runtime_unavailable when it cannot be started */
  apply(routes: readonly Route[]): Promise<ForwardAnswer>;
  /** Undefined when none lives. */
  ask(): Promise<ForwardAnswer | undefined>;
  holder: PortHolder;
  /** Calls back when the one that lives has ended, so that the loop starts another at once. */
  onChange(listener: () => void): void;
  /** Ends it with all its connections. */
  end(): Promise<void>;
}

const answerLimitMs = 3000;
/** For one that lives and is only short of processor or disk: its end would cut every connection. */
const patientLimitMs = 10_000;
const startLimitMs = 10_000;
/** One that is still coming up is waited for again; another one beside it would only make both slower. */
const comingLimitMs = 60_000;
const nothing: ForwardAnswer = { routes: [], refused: {}, open: {} };

/** @param options.directory of the forwarder alone */
export function createForwarder(options: { directory: string; clock: Clock }): Forwarder {
  const directory = resolve(options.directory);
  const { clock } = options;
  const queue = createQueue();
  const watch = createWatch(directory);
  let coming: { child: ChildProcess; sinceMs: number } | undefined;

  const tell = async (
    request: ForwardRequest,
    limitMs = answerLimitMs,
  ): Promise<ForwardAnswer | undefined> => {
    const said = withSocketPath(directory, (path) => converse(path, request, limitMs));
    const answer = await said.catch(() => undefined);
    if (answer === undefined) return undefined;
    coming = undefined;
    watch.begin();
    return answer;
  };

  const isComing = (): boolean =>
    coming !== undefined &&
    coming.child.exitCode === null &&
    coming.child.signalCode === null &&
    clock.monotonicMs() - coming.sinceMs < comingLimitMs;

  const kill = async (): Promise<void> => {
    const leader = livingForwarder(directory);
    if (leader === undefined) return;
    await endRun({ nonce: "", leader }, { signal: "SIGTERM", graceMs: 500 });
  };

  /** Started, it needs a moment until it can be spoken to. */
  const startAndTell = async (request: ForwardRequest): Promise<ForwardAnswer> => {
    if (!isComing()) {
      await kill();
      await mkdir(directory, { recursive: true, mode: 0o700 });
      coming = { child: start(directory), sinceMs: clock.monotonicMs() };
    }
    const giveUpAt = clock.monotonicMs() + startLimitMs;
    while (clock.monotonicMs() < giveUpAt) {
      const answer = await tell(request);
      if (answer !== undefined) return answer;
      await clock.sleep(20);
    }
    throw new FleetError("runtime_unavailable", {
      message: "the forwarder of published ports does not start",
      hint: "Look at the device's memory and process limits.",
    });
  };

  return {
    apply: (routes) =>
      queue(async () => {
        const request = { routes: [...routes] };
        const isSlow = (): boolean => isAtWork(livingForwarder(directory));
        const answer =
          (await tell(request)) ?? (isSlow() ? await tell(request, patientLimitMs) : undefined);
        if (answer !== undefined) return answer;
        if (routes.length > 0) return startAndTell(request);
        // One that hangs would hold its ports for ever.
        await kill();
        return nothing;
      }),
    ask: () => queue(() => tell({})),
    holder: async (place) => {
      const answer = await queue(() => tell({}));
      const route = answer?.routes.find((one) => isAt(one, place));
      return route !== undefined && answer?.refused[keyOf(route)] === undefined
        ? route.app
        : undefined;
    },
    onChange: watch.onEnd,
    end: () => queue(kill),
  };
}

/** Notices the end of the living forwarder by a connection that says nothing. */
function createWatch(directory: string) {
  const listeners = new Set<() => void>();
  let watched: Socket | undefined;

  const ended = (): void => {
    watched = undefined;
    for (const listener of listeners) listener();
  };
  return {
    begin: (): void => {
      if (watched !== undefined || listeners.size === 0) return;
      const held = withSocketPath(directory, async (path) => {
        watched = connect({ path }).unref();
        watched.on("error", () => undefined).once("close", ended);
        await once(watched, "connect");
      });
      // Its close has told.
      held.catch(() => undefined);
    },
    onEnd: (listener: () => void): void => void listeners.add(listener),
  };
}

/** One that listens on all addresses holds each of them. */
function isAt(route: Route, place: Backend): boolean {
  const isEverywhere = ({ host }: Backend): boolean => ["", "0.0.0.0", "::"].includes(host);
  if (route.port !== place.port) return false;
  return isEverywhere(route) || isEverywhere(place) || route.host === place.host;
}

/** In a session of its own, so that no signal to the agent's group reaches it. */
function start(directory: string): ChildProcess {
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--max-old-space-size=64", main, directory], {
    cwd: "/",
    detached: true,
    stdio: "ignore",
    env: {},
  });
  // That it does not come up is told by its silence.
  child.on("error", () => undefined);
  child.unref();
  return child;
}

/** One that was stopped answers nobody, however long they wait. */
function isAtWork(living: Identity | undefined): boolean {
  return living !== undefined && readStat(living.pid)?.state !== "T";
}

async function converse(
  path: string,
  request: ForwardRequest,
  limitMs: number,
): Promise<ForwardAnswer> {
  const socket = connect({ path, signal: AbortSignal.timeout(limitMs) });
  socket.write(`${JSON.stringify(request)}\n`);
  return JSON.parse(await text(socket)) as ForwardAnswer;
}
