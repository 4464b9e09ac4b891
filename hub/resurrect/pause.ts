// The pause of the fleet: while it lasts, nothing new is asked of any device.
import type { Bus } from "#hub/bus.ts";
import type { Pause } from "#hub/store/memo_port.ts";
import type { NewEvent, Store } from "#hub/store/port.ts";
import type { Clock } from "#shared/clock.ts";
import { FleetError } from "#shared/errors.ts";
import { createQueue } from "#shared/serial.ts";

export interface FleetPause {
  /** Reads whether it lasts from before. */
  start(): Promise<void>;
  /** Null while the fleet is not paused. */
  state(): Pause | null;
  /** Unix ms of the last end; what a device was told before it and this hub does not know is lost history, and
   *  no reason for another pause. */
  resumedAt(): number;
  /** Changes nothing while the fleet is paused. */
  begin(cause: Pause["cause"], reason: string): Promise<void>;
  /** @throws FleetError state_conflict when the fleet is not paused */
  end(operator: string, reason: string): Promise<void>;
}

export function createPause(options: {
  store: Pick<Store, "pause" | "setPause" | "resumedAt">;
  bus: Bus;
  clock: Clock;
}): FleetPause {
  const { store, bus, clock } = options;
  const alone = createQueue();
  let state: Pause | null = null;
  let resumedAt = 0;

  const set = async (next: Pause | null, event: NewEvent): Promise<void> => {
    const events = await store.setPause(next, event);
    state = next;
    if (next === null) resumedAt = event.at;
    for (const told of events) bus.emit("event", told);
  };
  return {
    start: async () => {
      state = await store.pause();
      resumedAt = await store.resumedAt();
    },
    state: () => state,
    resumedAt: () => resumedAt,
    begin: (cause, reason) =>
      alone(async () => {
        if (state !== null) return;
        const at = clock.now();
        await set({ cause, reason, at }, hubEvent("Warning", "FleetPaused", reason, at));
      }),
    end: (operator, reason) =>
      alone(async () => {
        if (state === null) throw notPaused();
        const message = `${operator} resumed the fleet: ${reason}`;
        await set(null, hubEvent("Normal", "FleetResumed", message, clock.now()));
      }),
  };
}

function hubEvent(type: NewEvent["type"], reason: string, message: string, at: number): NewEvent {
  return { at, device: null, app: null, source: "hub", type, reason, message };
}

function notPaused(): FleetError {
  return new FleetError("state_conflict", {
    message: "the fleet is not paused",
    hint: "A rollout that was halted is resumed by its own number.",
  });
}
