// What the device knows of its connection: which way works, since when not, and why.
import type { FleetError } from "#shared/errors.ts";
import type { SyncLogger, SyncStatusNow } from "./port.ts";
import type { Silence } from "./silence.ts";

export type Way = "mqtt" | "http";

export interface Contact {
  up(way: Way): void;
  down(way: Way, error: FleetError | undefined): void;
  /** The device sleeps on purpose, for the reason given. */
  rest(why: string): void;
  status(): SyncStatusNow;
  /** Tells the listeners that something about the connection or the desired state is new. */
  changed(): void;
  onChange(listener: () => void): void;
}

/** Answers for what only the silence knows. */
type Heard = Pick<Silence, "lastContactMonotonicMs" | "isolated">;

export function createContact(logger: SyncLogger, silence: () => Heard): Contact {
  const listeners: (() => void)[] = [];
  const isUp: Record<Way, boolean> = { mqtt: false, http: false };
  let problem = "the hub has not answered yet";

  const via = (): SyncStatusNow["via"] => (isUp.mqtt ? "mqtt" : isUp.http ? "http" : "none");
  const changed = (): void => {
    for (const listener of listeners) listener();
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
    changed,
    up: (way) => move(way, true),
    rest: (why) => {
      problem = why;
      if (via() === "none") return;
      isUp.mqtt = false;
      isUp.http = false;
      logger.debug({}, why);
      changed();
    },
    down: (way, error) => {
      if (error !== undefined) blame(way, error);
      else if (way === "mqtt") problem = "the connection to the hub has ended";
      move(way, false);
    },
    status: () => {
      const { lastContactMonotonicMs, isolated } = silence();
      const known = { lastContactMonotonicMs: lastContactMonotonicMs(), isolated: isolated() };
      const now = { connected: via() !== "none", via: via(), ...known };
      return now.connected ? now : { ...now, problem };
    },
    onChange: (listener) => void listeners.push(listener),
  };
}
