// What the device knows of its connection: which way works, since when not, and why.
import type { Clock } from "#shared/clock.ts";
import type { FleetError } from "#shared/errors.ts";
import type { SyncLogger, SyncStatusNow } from "./port.ts";

export type Way = "mqtt" | "http";

export interface Contact {
  up(way: Way): void;
  down(way: Way, error: FleetError | undefined): void;
  /** A proof that the hub is there. */
  seen(): void;
  status(): SyncStatusNow;
  /** Tells the listeners that something about the connection or the desired state is new. */
  changed(): void;
  onChange(listener: () => void): void;
}

export function createContact(clock: Clock, logger: SyncLogger): Contact {
  const listeners: (() => void)[] = [];
  const isUp: Record<Way, boolean> = { mqtt: false, http: false };
  let lastContactMonotonicMs: number | undefined;
  let problem = "the hub has not answered yet";

  const via = (): SyncStatusNow["via"] => (isUp.mqtt ? "mqtt" : isUp.http ? "http" : "none");
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const seen = (): void => {
    lastContactMonotonicMs = clock.monotonicMs();
  };
  const move = (way: Way, up: boolean): void => {
    const before = via();
    isUp[way] = up;
    if (via() === before) return;
    logger.info({ via: via() }, via() === "none" ? "hub lost" : "hub reached");
    changed();
  };
  const blame = (way: Way, { code, sentence, hint }: FleetError): void => {
    if (problem === sentence) return;
    problem = sentence;
    logger.warn({ way, code, hint }, sentence);
  };
  return {
    seen,
    changed,
    up: (way) => {
      seen();
      move(way, true);
    },
    down: (way, error) => {
      if (error !== undefined) blame(way, error);
      else if (way === "mqtt") problem = "the connection to the hub has ended";
      move(way, false);
    },
    status: () => {
      const now = { connected: via() !== "none", via: via(), lastContactMonotonicMs };
      return now.connected ? now : { ...now, problem };
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
