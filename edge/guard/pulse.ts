// What an agent tells the program that started it, over the channel between them.

/** Environment variable that carries the longest silence in ms; 0 switches the watching off. */
export const deadlineVariable = "FLEET_WATCHDOG_MS";

export type Pulse =
  /** The loop has come round, or has got so far in its round. */
  | { pulse: "alive" }
  /** It ends, and nothing more is to be expected but its end. */
  | { pulse: "stopping"; withinMs: number };

/** Other messages on the channel are none of the guard's business. */
export function readPulse(message: unknown): Pulse | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const { pulse, withinMs } = message as Record<string, unknown>;
  if (pulse === "alive") return { pulse };
  if (pulse === "stopping" && typeof withinMs === "number") return { pulse, withinMs };
  return undefined;
}
