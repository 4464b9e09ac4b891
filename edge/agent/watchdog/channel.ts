// Feeds the guard: sends pulses over the channel to the program that started the agent.
import type { Pulse } from "#edge/guard/pulse.ts";
import type { Outlet } from "./outlet.ts";

type Send = (pulse: Pulse, sent: () => void) => void;

/** Pulses that a guard does not fetch (it may be stopped) must not pile up: one is under way at a time. */
export function createChannelOutlet(send: Send): Outlet {
  let isUnderWay = false;
  const alive = (): void => {
    if (isUnderWay) return;
    isUnderWay = true;
    send({ pulse: "alive" }, () => {
      isUnderWay = false;
    });
  };
  return {
    ready: alive,
    alive,
    hung: () => undefined,
    stopping: (withinMs) => send({ pulse: "stopping", withinMs }, () => undefined),
  };
}

/** @returns undefined when nobody holds the other end */
export function channelOf(program: NodeJS.Process): Send | undefined {
  if (program.send === undefined) return undefined;
  return (pulse, sent) => {
    // The channel closes when the guard is gone, which `disconnect` tells.
    if (program.connected) program.send?.(pulse, undefined, undefined, sent);
  };
}
