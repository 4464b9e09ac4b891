// Hands traffic over from old copies to new ones: tells the forwarder what is seen, and lets old copies drain.
import { converge } from "#edge/plan/converge.ts";
import type { AppInput } from "#edge/plan/input.ts";
import { routesOf } from "#edge/plan/routes.ts";
import type { Forwarder } from "#edge/runtime/forward/forwarder.ts";
import { type ForwardAnswer, keyOf, type Route } from "#edge/runtime/forward/table.ts";
import type { ObservedInstance } from "#edge/runtime/port.ts";
import type { Clock } from "#shared/clock.ts";
import { asFleetError, FleetError } from "#shared/errors.ts";
import type { Observation } from "./gather.ts";
import type { Log } from "./parts.ts";

export interface HandOver {
  /** Makes the forwarder's table what is seen now. A failure is logged: nothing else waits for it. */
  refresh(seen: Observation): Promise<void>;
  /** Waits until no connection to the copies is open, or their time is over. */
  drain(copies: readonly ObservedInstance[], input: AppInput): Promise<void>;
  /** What the proved release replaces.
   *  @throws FleetError port_taken when it cannot have a port that it publishes; runtime_unavailable while
   *  the forwarder does not answer */
  replacedBy(input: AppInput): Promise<ObservedInstance[]>;
  /** Waits until all its ports are held. @throws FleetError port_taken, runtime_unavailable */
  settle(input: AppInput): Promise<void>;
}

const pollMs = 50;
const defaultDrainMs = 10_000;
/** A step must end some time. */
const longestDrainMs = 60_000;
/** A port that a copy published itself is free once that copy is gone. */
const settleMs = 5000;

interface Parts {
  forwarder: Forwarder;
  clock: Clock;
  log: Pick<Log, "warn">;
}

export function createHandOver({ forwarder, clock, log }: Parts): HandOver {
  let complaint = "";
  /** For a forwarder that does not answer now: it may only be slow, or a new one knows nothing yet. */
  let lastKnown: readonly Route[] = [];

  /** Once, and not in each round. */
  const complain = (why: string): void => {
    if (why !== complaint && why !== "") log.warn({ why }, "published ports are not forwarded");
    complaint = why;
  };

  const missingPorts = async (input: AppInput): Promise<string[]> => {
    const wanted = routesOf(input) ?? [];
    if (wanted.length === 0) return [];
    const answer = await forwarder.ask();
    if (answer === undefined) throw silent();
    return wanted.filter((route) => !isHeld(answer, route)).map(keyOf);
  };

  /** True as well where nothing can be told: what may be open is not cut before its time. */
  const mayBeOpen = async (keys: readonly string[]): Promise<boolean> => {
    if (keys.length === 0) return false;
    const answer = await forwarder.ask();
    return answer === undefined || keys.some((key) => (answer.open[key] ?? 0) > 0);
  };

  return {
    refresh: async (seen) => {
      try {
        const answer = await forwarder.ask();
        const wanted = tableOf(seen, answer?.routes ?? lastKnown);
        const isSame = JSON.stringify(wanted) === JSON.stringify(inOrder(answer?.routes ?? []));
        const now = isSame ? answer : await forwarder.apply(wanted);
        lastKnown = wanted;
        complain(refusalText(now));
      } catch (error) {
        complain(asFleetError(error).sentence);
      }
    },
    drain: async (copies, input) => {
      const serving = new Set((await forwarder.ask())?.routes.flatMap(backendKeys));
      const keys = copies
        .flatMap(({ backends }) => Object.values(backends ?? {}).map(keyOf))
        .filter((key) => !serving.has(key));
      const giveUpAt = clock.monotonicMs() + drainLimitMs(copies, input);
      while ((await mayBeOpen(keys)) && clock.monotonicMs() < giveUpAt) await clock.sleep(pollMs);
    },
    replacedBy: async (input) => {
      const [step] =
        input.serving === undefined ? [] : converge(input.serving.app, input.instances);
      const replaced = step?.kind === "remove" ? step.instances : [];
      const missing = await missingPorts(input);
      // Copies that are not handed over hold their ports themselves.
      const mayHold = replaced.some(({ backends }) => backends === undefined);
      if (missing.length > 0 && !mayHold) throw portTaken(missing);
      return replaced;
    },
    settle: async (input) => {
      const giveUpAt = clock.monotonicMs() + settleMs;
      for (;;) {
        const missing = await missingPorts(input);
        if (missing.length === 0) return;
        if (clock.monotonicMs() > giveUpAt) throw portTaken(missing);
        await clock.sleep(pollMs);
      }
    },
  };
}

/** Each port belongs to one app, and stays with the one that has it; what cannot be told now stays as it is. */
function tableOf({ apps, desired }: Observation, known: readonly Route[]): Route[] {
  const told = new Map(apps.map((input) => [input.app as string, routesOf(input)]));
  const stays = ({ app }: Route): boolean =>
    told.has(app) ? told.get(app) === undefined : desired === undefined;
  const routes = [...known.filter(stays), ...[...told.values()].flatMap((own) => own ?? [])];
  const holders = new Map(known.map((route) => [keyOf(route), route.app]));
  const hasIt = (route: Route): boolean => holders.get(keyOf(route)) === route.app;
  const byKey = new Map(routes.toReversed().map((route) => [keyOf(route), route]));
  for (const route of routes.filter(hasIt)) byKey.set(keyOf(route), route);
  return inOrder([...byKey.values()]);
}

function inOrder(routes: readonly Route[]): Route[] {
  return routes.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

function backendKeys({ backends }: Route): string[] {
  return backends.map(keyOf);
}

function isHeld(answer: ForwardAnswer, wanted: Route): boolean {
  const key = keyOf(wanted);
  const holder = answer.routes.find((route) => keyOf(route) === key);
  return holder?.app === wanted.app && answer.refused[key] === undefined;
}

function drainLimitMs(copies: readonly ObservedInstance[], { serving }: AppInput): number {
  const limits = copies.map(
    ({ service }) => serving?.app.services[service]?.spec.stopGraceMs ?? defaultDrainMs,
  );
  return Math.min(longestDrainMs, Math.max(0, ...limits));
}

function refusalText(answer: ForwardAnswer | undefined): string {
  return Object.entries(answer?.refused ?? {})
    .map(([key, errno]) => `${key} (${errno})`)
    .join(", ");
}

/** No word against a release: the next round starts another forwarder, and then the switch is tried again. */
function silent(): FleetError {
  return new FleetError("runtime_unavailable", {
    message: "the forwarder of published ports does not answer",
    hint: "It is started anew by itself; look at the device's memory and process limits if that goes on.",
  });
}

function portTaken(keys: readonly string[]): FleetError {
  return new FleetError("port_taken", {
    message: `the device cannot hold the published port ${keys.join(", ")}: another app or program does`,
    hint: "Stop what holds the port, or publish another one.",
    subject: keys[0] ?? "",
  });
}
